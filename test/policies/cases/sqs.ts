// Cases of the rules for queues.
import { elsewhere, json, output, type Sample, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { admission, alarm, goodStack, queue, queuePolicy, topic } from "./goodStack";

const redrivePolicy = (maxReceiveCount?: number) =>
  json({ deadLetterTargetArn: "arn:aws:sqs:eu-west-1:111122223333:dead-letters", maxReceiveCount });

const redrive = (maxReceiveCount: number): Sample => ({
  type: "aws:sqs/redrivePolicy:RedrivePolicy",
  name: "redrive",
  inputs: { region: "eu-west-1", queueUrl: "queue-url", redrivePolicy: redrivePolicy(maxReceiveCount) },
});

const grant = {
  Effect: "Allow",
  Principal: { Service: "sns.amazonaws.com" },
  Action: "sqs:SendMessage",
  Resource: "*",
};
const from = (source: string) => ({ ArnEquals: { "aws:SourceArn": source } });
const policyWith = (changes: object) => queuePolicy({ policy: json({ Statement: [{ ...grant, ...changes }] }) });
const exact = "arn:aws:sns:eu-west-1:111122223333:topic";
const opened = (to: string) => `admission allows sqs:SendMessage to ${to}. Say exactly to whom.`;

const topics = ["eu-west-1", "us-east-1"].map((region) => topic({ region }, `topic-${region}`));
const europeanQueue = queue({}, "queue-eu-west-1");
const stranger = "arn:aws:sns:eu-west-1:444455556666:stranger";
const strangerAdmitted = queuePolicy(
  { queueUrl: "queue-eu-west-1-url", policy: admission(europeanQueue, topics, [stranger]) },
  "admission-eu-west-1",
);

const lone = queue({}, "lone");
const watched = alarm(
  { metricName: "ApproximateAgeOfOldestMessage", dimensions: { QueueName: output(lone, "name") } },
  "lone-age",
);
const loneRedrive = {
  region: "eu-west-1",
  queueUrl: output(lone, "url"),
  redrivePolicy: json({ deadLetterTargetArn: "dead-letters-eu-west-1-arn", maxReceiveCount: 1000 }),
};

export const sqsCases: Readonly<Record<string, Cases>> = {
  "sqs-encrypted": {
    right: [queue(), queue({ sqsManagedSseEnabled: undefined, kmsMasterKeyId: "alias/ours" })],
    wrong: [
      ["queue is not encrypted. Use SSE-SQS.", queue({ sqsManagedSseEnabled: false })],
      [
        "queue is encrypted with alias/aws/sqs. Use SSE-SQS.",
        queue({ sqsManagedSseEnabled: undefined, kmsMasterKeyId: "alias/aws/sqs" }),
      ],
    ],
    absent: queue({ sqsManagedSseEnabled: undefined }),
    notApplicable: topic({ kmsMasterKeyId: "alias/aws/sqs" }),
    unknown: queue({ kmsMasterKeyId: unknown }),
  },
  "sqs-retention": {
    configured: [[{ seconds: 3600 }, queue({ messageRetentionSeconds: 3600 })]],
    right: [queue()],
    wrong: [
      [
        "queue keeps messages for 86400 s. Set messageRetentionSeconds to 1209600.",
        queue({ messageRetentionSeconds: 86_400 }),
      ],
    ],
    absent: [
      "queue keeps messages for 345600 s. Set messageRetentionSeconds to 1209600.",
      queue({ messageRetentionSeconds: undefined }),
    ],
    notApplicable: { type: "aws:kinesis/stream:Stream", name: "stream", inputs: { messageRetentionSeconds: 60 } },
    unknown: queue({ messageRetentionSeconds: unknown }),
  },
  "sqs-receive-count": {
    configured: [[{ count: 5 }, redrive(5)]],
    right: [queue({ redrivePolicy: redrivePolicy(1000) }), redrive(100)],
    wrong: [
      ["queue gives up on a message after 5 receives. Allow 100 or more.", queue({ redrivePolicy: redrivePolicy(5) })],
      ["redrive gives up on a message after 99 receives. Allow 100 or more.", redrive(99)],
    ],
    absent: queue(),
    notApplicable: topic({ redrivePolicy: redrivePolicy(1) }),
    unknown: queue({ redrivePolicy: unknown }),
  },
  "sqs-no-open-policy": {
    right: [
      policyWith({ Condition: from(exact) }),
      policyWith({ Principal: { AWS: "arn:aws:iam::111122223333:role/shim" } }),
      policyWith({ Principal: "*", Condition: { StringEquals: { "aws:SourceAccount": "111122223333" } } }),
      queue({ policy: "no policy document at all" }),
    ],
    wrong: [
      [opened("everybody"), policyWith({ Principal: "*" })],
      [opened("everybody"), policyWith({ Principal: { AWS: ["*"] } })],
      [opened("everybody"), policyWith({ Principal: undefined, NotPrincipal: { AWS: "111122223333" } })],
      [opened("everybody"), policyWith({ Principal: "*", Condition: { ArnNotEquals: { "aws:SourceArn": exact } } })],
      [opened("everybody"), policyWith({ Principal: "*", Condition: { StringLike: { "aws:PrincipalOrgID": "*" } } })],
      [opened("sns.amazonaws.com on anybody's behalf"), policyWith({})],
      [
        opened("whatever matches arn:aws:sns:*"),
        policyWith({ Condition: { ArnLike: { "aws:SourceArn": "arn:aws:sns:*" } } }),
      ],
      [
        "queue allows sqs:SendMessage to everybody. Say exactly to whom.",
        queue({ policy: json({ Statement: { ...grant, Principal: "*" } }) }),
      ],
    ],
    absent: queue({ policy: undefined }),
    notApplicable: policyWith({ Effect: "Deny", Principal: "*" }),
    unknown: queuePolicy({ policy: unknown }),
  },
  "sqs-no-strangers": {
    configured: [[{ trusted: [stranger] }, goodStack([], [strangerAdmitted])]],
    right: [goodStack()],
    wrong: [
      [
        `admission-eu-west-1 admits ${stranger}, which is not of this stack. Remove it.`,
        goodStack([], [strangerAdmitted]),
      ],
    ],
    absent: goodStack([], [queuePolicy({ queueUrl: "elsewhere", policy: json({ Statement: [] }) }, "empty")]),
    notApplicable: [topic()],
    unknown: goodStack([], [queuePolicy({ queueUrl: "elsewhere", policy: elsewhere }, "unknown")]),
    isUndecidedInPreviews: true,
  },
  "sqs-dead-letters": {
    right: [goodStack(), goodStack([], [lone, watched, { ...redrive(1000), inputs: loneRedrive }])],
    wrong: [["queue-eu-west-1 has no dead-letter queue. Give it a redrive policy.", goodStack([], [europeanQueue])]],
    absent: ["lone has no dead-letter queue. Give it a redrive policy.", goodStack([], [lone, watched])],
    notApplicable: [topic()],
    unknown: goodStack([], [lone, watched, { ...redrive(1000), inputs: { ...loneRedrive, queueUrl: elsewhere } }]),
  },
};
