// Cases of the rules for topics and the bus between regions.
import { elsewhere, json, output, samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { admission, goodStack, queue, queuePolicy, subscription, topic } from "./goodStack";

const topicPolicy = samplesOf("aws:sns/topicPolicy:TopicPolicy", "audience", {
  region: "eu-west-1",
  arn: "arn:aws:sns:eu-west-1:111122223333:topic",
});
const grant = { Effect: "Allow", Principal: { AWS: "*" }, Action: ["sns:Publish", "sns:Subscribe"], Resource: "*" };
const ownAccount = { StringEquals: { "AWS:SourceOwner": "111122223333" } };
const open = json({ Statement: [grant] });

const european = topic({ region: "eu-west-1" }, "topic-eu-west-1");
const europeanQueue = queue({ region: "eu-west-1" }, "queue-eu-west-1");
const onlyOwnAdmitted = queuePolicy(
  { queueUrl: output(europeanQueue, "url"), policy: admission(europeanQueue, [european]) },
  "admission-eu-west-1",
);

export const snsCases: Readonly<Record<string, Cases>> = {
  "sns-no-open-policy": {
    right: [topicPolicy({ policy: json({ Statement: [{ ...grant, Condition: ownAccount }] }) })],
    wrong: [
      ["audience allows sns:Publish, sns:Subscribe to everybody. Say exactly to whom.", topicPolicy({ policy: open })],
      ["topic allows sns:Publish, sns:Subscribe to everybody. Say exactly to whom.", topic({ policy: open })],
    ],
    absent: topic(),
    notApplicable: topicPolicy({ policy: json({ Statement: [{ ...grant, Effect: "Deny" }] }) }),
    unknown: topicPolicy({ policy: unknown }),
  },
  "sns-dead-letters": {
    right: [subscription()],
    wrong: [
      ["subscription drops what it cannot deliver. Give it a redrivePolicy.", subscription({ redrivePolicy: "" })],
    ],
    absent: [
      "subscription drops what it cannot deliver. Give it a redrivePolicy.",
      subscription({ redrivePolicy: undefined, protocol: "lambda" }),
    ],
    notApplicable: subscription({ redrivePolicy: undefined, protocol: "email" }),
    unknown: subscription({ redrivePolicy: unknown }),
  },
  "sns-raw-delivery": {
    right: [subscription()],
    wrong: [
      [
        "subscription wraps messages in JSON. Set rawMessageDelivery to true.",
        subscription({ rawMessageDelivery: false }),
      ],
    ],
    absent: [
      "subscription wraps messages in JSON. Set rawMessageDelivery to true.",
      subscription({ rawMessageDelivery: undefined }),
    ],
    notApplicable: subscription({ protocol: "lambda", rawMessageDelivery: undefined }),
    unknown: subscription({ rawMessageDelivery: unknown }),
  },
  "sns-mesh": {
    right: [goodStack()],
    wrong: [
      [
        "topic-us-east-1 does not reach queue-eu-west-1. Subscribe the queue to it.",
        goodStack(["us-east-1-to-eu-west-1"]),
      ],
      [
        "queue-eu-west-1 does not admit topic-us-east-1, so SNS drops its messages. Name it in the policy.",
        goodStack([], [onlyOwnAdmitted]),
      ],
    ],
    absent: [
      "topic-eu-west-1 does not reach queue-eu-west-1. Subscribe the queue to it.",
      goodStack(["eu-west-1-to-eu-west-1"]),
    ],
    // A topic that feeds one queue of two, all in one region.
    notApplicable: goodStack(["eu-west-1-to-us-east-1", "us-east-1-to-eu-west-1"]),
    unknown: goodStack([], [subscription({ topic: elsewhere, endpoint: elsewhere }, "us-east-1-to-eu-west-1")]),
  },
};
