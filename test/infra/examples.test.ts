// The examples, as other people's programs: with the built package, by Pulumi's mocks.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { disconnect } from "@pulumi/pulumi/runtime/settings";

const repository = join(__dirname, "../..");

interface Made {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs are whatever the resource takes.
  readonly inputs: any;
}

/** Runs an example, which has the URL as its output, and tells what it made by the last word of its type. */
async function run(example: string, config: Record<string, string> = {}): Promise<(type: string) => Made["inputs"][]> {
  const made: Made[] = [];
  const project = `redis-on-fly-${example}`;
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        made.push({ type, inputs });
        return { id: `${name}-id`, state: { name, arn: `${name}-arn`, result: "a-password", ...inputs } };
      },
      call: () => ({ names: ["a", "b"], json: "{}" }),
    },
    project,
  );
  for (const [key, value] of Object.entries(config)) pulumi.runtime.setConfig(`${project}:${key}`, value);
  const { cacheUrl } = require(join(repository, "examples", example, "index.ts"));
  expect(pulumi.Output.isInstance(cacheUrl)).toBe(true);
  await disconnect();
  return (type) => made.filter((one) => one.type.endsWith(`:${type}`)).map(({ inputs }) => inputs);
}

describe("the example", () => {
  beforeAll(() => {
    execFileSync(process.execPath, [join(repository, "node_modules/typescript/bin/tsc"), "--build", "infra"], {
      cwd: repository,
    });
  }, 120_000);

  test("ecs gives its containers the URL from Secrets Manager", async () => {
    const made = await run("ecs");
    const definitions = made("TaskDefinition").filter(({ family }) => family.startsWith("app-"));
    expect(definitions.map(({ containerDefinitions }) => JSON.parse(containerDefinitions)[0].secrets)).toEqual([
      [{ name: "FLY_REDIS_CACHE_URL", valueFrom: "fly-us-east-1-secrets-cache-url-arn" }],
      [{ name: "FLY_REDIS_CACHE_URL", valueFrom: "fly-eu-west-1-secrets-cache-url-arn" }],
    ]);
  });

  test("lambda gives its functions the URL in their environment", async () => {
    const functions = (await run("lambda"))("Function");
    expect(functions).toHaveLength(2);
    for (const { environment, vpcConfig } of functions) {
      expect(JSON.stringify(environment)).toContain("redis://fly:a-password@cache.redis-on-fly.internal:6379");
      expect(vpcConfig.securityGroupIds).toEqual([expect.stringMatching(/-network-client-id$/)]);
    }
  });

  test("kubernetes gives its pods the URL from a Secret, in networks that were there", async () => {
    const network = { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] };
    const clusters = { "us-east-1": { context: "one", network, nodeSecurityGroupId: "sg-1" } };
    const made = await run("kubernetes", { clusters: JSON.stringify(clusters) });
    expect(made("Vpc")).toEqual([]);
    const [deployment] = made("Deployment");
    expect(deployment.spec.template.spec.containers[0].env).toMatchObject([{ name: "FLY_REDIS_CACHE_URL" }]);
    expect(JSON.stringify(made("Secret"))).toContain("redis://fly:a-password@");
  });
});
