// The program, its stack files and the policy pack in the real Pulumi engine, with stand-ins for the providers.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type EngineEvent, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { makeSandbox, missingProgram, policyPack, type Sandbox } from "../support/engine/sandbox";

// Jest does not name the tests of a file of which all are skipped, so that the reason has to be said.
if (missingProgram) console.warn(`The engine's tests are skipped: ${missingProgram} is not on PATH.`);
const describeEngine = missingProgram ? describe.skip : describe;

interface Registered {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly dependencies?: readonly string[];
  readonly protect?: boolean;
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1)!;
}

/** What a preview would do, by operation, with the names of resources. */
async function planned(stack: Stack): Promise<Record<string, string[]>> {
  const steps: Record<string, string[]> = {};
  const onEvent = ({ resourcePreEvent }: EngineEvent) => {
    if (!resourcePreEvent) return;
    const { op, urn } = resourcePreEvent.metadata;
    if (op !== "same") steps[op] = [...(steps[op] ?? []), nameOf(urn)].sort();
  };
  await stack.preview({ onEvent });
  return steps;
}

describeEngine("the real engine", () => {
  let sandbox: Sandbox;

  beforeAll(() => {
    sandbox = makeSandbox();
  });

  afterAll(() => sandbox.remove());

  function open(stackName: string, envVars: Record<string, string> = {}): Promise<Stack> {
    const { options, projectDirectory } = sandbox;
    const environment = { ...options.envVars, ...envVars };
    return LocalWorkspace.createStack({ stackName, workDir: projectDirectory }, { ...options, envVars: environment });
  }

  test("the pack has nothing against the production stack", async () => {
    const stack = await open("production");
    const { changeSummary, stdout } = await stack.preview({ policyPacks: [policyPack] });
    expect(stdout).toContain("redis-on-fly@v");
    expect(Object.keys(changeSummary)).toEqual(["create"]);
  }, 90_000);

  describe("through a stack's life", () => {
    let stack: Stack;
    let resources: readonly Registered[];

    beforeAll(async () => {
      stack = await open("one-region");
      const config = { protect: "true", typedReplies: "true", "regions[1]": "eu-west-1" };
      const values = Object.entries(config).map(([key, value]) => [key, { value }]);
      await stack.setAllConfig(Object.fromEntries(values), true);
      await stack.up({ policyPacks: [policyPack] });
      resources = (await stack.exportStack()).deployment.resources;
    }, 90_000);

    test("tells applications where the cache is, and nobody the password", async () => {
      const outputs = await stack.outputs();
      expect(outputs.regions!.value["us-east-1"]).toMatchObject({
        cacheUrl: expect.stringMatching(/^redis:\/\/fly:\w{32}@cache\.redis-on-fly\.internal:6379$/),
        typedCacheUrl: expect.stringMatching(/^redis:\/\/fly:\w{32}@cache\.redis-on-fly\.internal:6380$/),
        clientSecurityGroupId: "fly-us-east-1-network-client",
      });
      const bus = outputs.buses!.value["us-east-1"];
      expect([bus.queueArn, bus.deadLetterQueueArn]).toEqual([
        "arn:aws:sqs:us-east-1:111122223333:fly-us-east-1-queue",
        "arn:aws:sqs:us-east-1:111122223333:fly-us-east-1-dead-letters",
      ]);
      const password = /:(\w{32})@/.exec(outputs.regions!.value["us-east-1"].cacheUrl)![1]!;
      const state = sandbox.stateOf("one-region");
      expect(state).toContain("fly-us-east-1-secrets-shim-value");
      expect(state).not.toContain(password);
      expect(state).not.toContain("registry-token");
      // Stand-ins begin every password so; keys are what follows an id.
      expect(state).not.toMatch(/password[0-9a-f]{24}/);
      expect(state).not.toMatch(/"1:[\w+/]{43}=/);
    });

    test("hangs every resource under the cache, and starts shims only where they can work", () => {
      const outside = resources.filter(({ urn, type }) => !type.startsWith("pulumi:") && !urn.includes("GlobalCache"));
      expect(outside).toEqual([]);
      const dependenciesOf = (typedName: string) => {
        const { dependencies = [] } = resources.find(({ urn }) => urn.endsWith(typedName))!;
        return dependencies.map(nameOf);
      };
      expect(dependenciesOf("ecs/service:Service::fly-us-east-1-shims")).toEqual(
        expect.arrayContaining([
          "fly-us-east-1-balancer-listener",
          "fly-us-east-1-network-private-to-nat",
          "fly-us-east-1-network-shim-to-cluster",
        ]),
      );
      expect(dependenciesOf("::fly-mesh-us-east-1-to-us-east-1")).toEqual(
        expect.arrayContaining(["fly-mesh-us-east-1-queue", "fly-mesh-us-east-1-dead-letters"]),
      );
    });

    test("does not delete what is protected", async () => {
      const ours = resources.filter(({ type }) => /^(aws|docker|random):/.test(type));
      expect(ours.filter(({ protect }) => !protect)).toEqual([]);
      await expect(stack.destroy()).rejects.toThrow(/protect/);
    }, 60_000);

    test("changes nothing the next time, nor for what had another name", async () => {
      await stack.setConfig("protect", { value: "false" });
      const state = await stack.exportStack();
      const renamed = JSON.stringify(state.deployment)
        .replaceAll(":ReplicationGroup::fly-us-east-1-cluster", ":ReplicationGroup::fly-us-east-1-cluster-group")
        .replaceAll('"protect":true', '"protect":false');
      await stack.importStack({ ...state, deployment: JSON.parse(renamed) });
      expect(await planned(stack)).toEqual({});
    }, 60_000);

    test("takes the dashboard, which is global, down before it stands in another region", async () => {
      const order = (first: string, second: string) =>
        stack.setAllConfig({ "regions[0]": { value: first }, "regions[1]": { value: second } }, true);
      await order("eu-west-1", "us-east-1");
      const steps = await planned(stack);
      await order("us-east-1", "eu-west-1");
      expect(Object.keys(steps)).toEqual(["delete-replaced", "replace", "create-replacement"]);
      expect(Object.values(steps)).toEqual(Array(3).fill(["fly-dashboard"]));
    }, 60_000);

    test("adds a region beside the others", async () => {
      await stack.setConfig("regions[2]", { value: "us-west-2" }, true);
      const { create, update, ...rest } = await planned(stack);
      expect(rest).toEqual({});
      expect(create!.filter((name) => !name.includes("us-west-2"))).toEqual([]);
      expect(update).toEqual(["fly-dashboard", "fly-mesh-eu-west-1-queue", "fly-mesh-us-east-1-queue"]);
    }, 60_000);

    test("removes a region and leaves the others", async () => {
      await stack.removeConfig("regions[2]", true);
      await stack.removeConfig("regions[1]", true);
      const { delete: deleted, update, ...rest } = await planned(stack);
      expect(rest).toEqual({});
      expect(deleted!.filter((name) => !name.includes("eu-west-1"))).toEqual([]);
      expect(update).toEqual(["fly-dashboard", "fly-mesh-us-east-1-queue"]);
    }, 90_000);

    test("leaves nothing behind when it goes", async () => {
      await stack.destroy();
      expect((await stack.exportStack()).deployment.resources ?? []).toEqual([]);
    }, 60_000);
  });

  test("a program with a wrong configuration stops with every fault and no stack trace", async () => {
    // Here traces could be seen.
    const stack = await open("faulty", { NODE_OPTIONS: "" });
    await stack.setAllConfig({ "regions[0]": { value: "me-south-1" }, replicas: { value: "many" } }, true);
    const preview = stack.preview();
    await expect(preview).rejects.toThrow(/regions\[0\]: "me-south-1" is an opt-in region.*replicas: "many" must be/s);
    await expect(preview).rejects.not.toThrow(/cacheOptions\.ts/);
  }, 60_000);
});
