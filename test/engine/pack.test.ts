// The policy pack in the real engine, on somebody's own program: told by a configuration file what to allow, and what to
// put right instead of refusing.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { makeSandbox, missingProgram, policyPack, type Sandbox } from "../support/engine/sandbox";

const describeEngine = missingProgram ? describe.skip : describe;

describeEngine("the policy pack in the real engine", () => {
  let sandbox: Sandbox;

  beforeAll(() => {
    sandbox = makeSandbox();
  });

  afterAll(() => sandbox.remove());

  test("takes options from a file, and puts right what it is told to", async () => {
    const program = async () => {
      const queue = new aws.sqs.Queue("queue", {
        region: "eu-south-2",
        redrivePolicy: "{}",
        messageRetentionSeconds: 60,
      });
      return { messageRetentionSeconds: queue.messageRetentionSeconds };
    };
    const configuration = join(sandbox.projectDirectory, "policies.json");
    writeFileSync(
      configuration,
      JSON.stringify({
        "stack-regions": { allowed: ["eu-south-2"] },
        "sqs-retention": { enforcementLevel: "remediate", seconds: 86_400 },
        "cloudwatch-alarms": "disabled",
      }),
    );
    const stack = await LocalWorkspace.createStack({ stackName: "own", projectName: "own", program }, sandbox.options);
    const { outputs } = await stack.up({ policyPacks: [policyPack], policyPackConfigs: [configuration] });
    expect(outputs.messageRetentionSeconds!.value).toBe(86_400);
    await expect(stack.preview({ policyPacks: [policyPack] })).rejects.toThrow(
      /stack-regions.*queue is in eu-south-2/s,
    );
  }, 60_000);

  test("sees in a preview, before any ARN is known, that a topic does not reach a queue", async () => {
    const program = async () => {
      const ends = ["us-east-1", "eu-west-1"].map((region) => ({
        region,
        topic: new aws.sns.Topic(`${region}-topic`, { region }),
        queue: new aws.sqs.Queue(`${region}-queue`, {
          region,
          messageRetentionSeconds: 1_209_600,
          redrivePolicy: "{}",
        }),
      }));
      const [american, european] = ends as [(typeof ends)[0], (typeof ends)[0]];
      for (const { region, queue } of ends) {
        new aws.sns.TopicSubscription(`us-east-1-to-${region}`, {
          region: "us-east-1",
          protocol: "sqs",
          topic: american.topic.arn,
          endpoint: queue.arn,
          rawMessageDelivery: true,
          redrivePolicy: "{}",
        });
        new aws.sqs.QueuePolicy(`${region}-policy`, {
          region,
          queueUrl: queue.url,
          policy: pulumi.jsonStringify({ Statement: ends.map(({ topic }) => admission(topic)) }),
        });
      }
      return { european: european.topic.arn };
    };
    const stack = await LocalWorkspace.createStack({ stackName: "bus", projectName: "bus", program }, sandbox.options);
    const preview = stack.preview({ policyPacks: [policyPack] });
    await expect(preview).rejects.toThrow(/sns-mesh.*eu-west-1-topic does not reach us-east-1-queue/s);
    await expect(preview).rejects.not.toThrow(/us-east-1-topic does not reach/);
  }, 60_000);
});

function admission(topic: aws.sns.Topic) {
  return {
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: "*",
    Condition: { ArnEquals: { "aws:SourceArn": topic.arn } },
  };
}
