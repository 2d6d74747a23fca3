// The program and the policy pack in the real Pulumi engine, with a stand-in for the AWS provider.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import * as aws from "@pulumi/aws";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { makeSandbox, missingProgram, policyPack, type Sandbox } from "../support/engine/sandbox";

// Jest does not name the tests of a file of which all are skipped, so that the reason has to be said.
if (missingProgram) console.warn(`The engine's tests are skipped: ${missingProgram} is not on PATH.`);
const describeEngine = missingProgram ? describe.skip : describe;

describeEngine("the real engine", () => {
  let sandbox: Sandbox;

  beforeAll(() => {
    sandbox = makeSandbox();
  });

  afterAll(() => sandbox.remove());

  describe("with the development stack", () => {
    let stack: Stack;
    const resources = 66;

    beforeAll(async () => {
      const { options, projectDirectory } = sandbox;
      stack = await LocalWorkspace.createStack({ stackName: "dev", workDir: projectDirectory }, options);
    });

    test("previews every resource, and the pack has nothing against them", async () => {
      const { changeSummary, stdout } = await stack.preview({ policyPacks: [policyPack] });
      expect(changeSummary).toEqual({ create: resources });
      expect(stdout).toContain("redis-on-fly@v");
    }, 60_000);

    test("creates them, and tells each region's shims what they need", async () => {
      const { summary, outputs } = await stack.up();
      expect(summary.resourceChanges).toEqual({ create: resources });
      expect(Object.keys(outputs.regions!.value).sort()).toEqual(["ap-northeast-1", "eu-west-1", "us-east-1"]);
      expect(outputs.regions!.value["eu-west-1"].shimEnvironment).toEqual({
        FLY_REDIS_REGION: "eu-west-1",
        FLY_REDIS_CLUSTER_URL: "rediss://master.fly-eu-west-1-cluster-group.cache.amazonaws.com:6379",
        FLY_REDIS_TOPIC_ARN: "arn:aws:sns:eu-west-1:111122223333:fly-eu-west-1-topic",
        FLY_REDIS_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/fly-eu-west-1-queue",
        FLY_REDIS_DEAD_LETTER_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/fly-eu-west-1-dead-letters",
      });
    }, 60_000);

    test("hangs every resource under the cache, and subscribes only queues that admit the topic", async () => {
      const { deployment } = await stack.exportStack();
      const made: { urn: string; type: string; dependencies?: string[] }[] = deployment.resources;
      const outside = made.filter(({ urn, type }) => type.startsWith("aws:") && !urn.includes("infra:GlobalCache$"));
      expect(outside).toEqual([]);
      const subscription = made.find(({ urn }) => urn.endsWith("::fly-mesh-us-east-1-to-eu-west-1"))!;
      expect(subscription.dependencies?.map((urn) => urn.split("::").at(-1))).toEqual(
        expect.arrayContaining(["fly-mesh-eu-west-1-queue", "fly-mesh-us-east-1-dead-letters"]),
      );
    });

    test("finds nothing to change afterwards", async () => {
      const { changeSummary } = await stack.preview();
      expect(changeSummary).toEqual({ same: resources });
    }, 60_000);

    test("destroys all of it", async () => {
      const { summary } = await stack.destroy();
      expect(summary.resourceChanges).toEqual({ delete: resources });
    }, 60_000);
  });

  test("the pack refuses a stack that keeps snapshots, by the resource's name", async () => {
    const program = async () => {
      new aws.elasticache.ReplicationGroup("store", { description: "not a cache", snapshotRetentionLimit: 7 });
    };
    const stack = await LocalWorkspace.createStack(
      { stackName: "wrong", projectName: "wrong", program },
      sandbox.options,
    );
    const preview = stack.preview({ policyPacks: [policyPack] });
    await expect(preview).rejects.toThrow(/elasticache-no-snapshots.*store keeps snapshots/s);
  }, 60_000);

  test("a program with a wrong configuration stops with every fault and no stack trace", async () => {
    const { options, projectDirectory } = sandbox;
    const stack = await LocalWorkspace.createStack({ stackName: "faulty", workDir: projectDirectory }, options);
    await stack.setAllConfig({ "regions[0]": { value: "me-south-1" }, replicas: { value: "many" } }, true);
    const preview = stack.preview();
    await expect(preview).rejects.toThrow(/regions\[0\]: "me-south-1" is an opt-in region.*replicas: "many" must be/s);
    await expect(preview).rejects.not.toThrow(/configuration\.ts/);
  }, 60_000);
});
