// The components against Pulumi's mocks: how many of what, and with which inputs.
import { beforeEach, describe, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { disconnect } from "@pulumi/pulumi/runtime/settings";
import { GlobalCache, type GlobalCacheArgs } from "../../infra/globalCache";
import { type Region, supportedRegions } from "../../infra/regions";

interface Made {
  readonly name: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs are whatever the resource takes.
  readonly inputs: any;
}

let made: Made[] = [];

async function build(args: Partial<GlobalCacheArgs>): Promise<void> {
  made = [];
  await pulumi.runtime.setMocks({
    newResource: ({ name, type, inputs }) => {
      made.push({ name, type, inputs });
      return { id: `${name}-id`, state: { ...inputs, arn: `${name}-arn`, url: `${name}-url`, name } };
    },
    call: ({ inputs }) => ({ names: [`${inputs.region}a`, `${inputs.region}c`] }),
  });
  new GlobalCache("fly", { regions: ["us-east-1"], nodeType: "cache.t4g.micro", replicas: 1, ...args });
  await disconnect();
}

function inputsOf(name: string): Made["inputs"] {
  return made.find((resource) => resource.name === name)!.inputs;
}

function counts(): Record<string, number> {
  const types = made.map(({ type }) => type).filter((type) => type.startsWith("aws:"));
  return Object.fromEntries(types.map((type) => [type, types.filter((other) => other === type).length]));
}

describe("a global cache", () => {
  test.each<[readonly Region[]]>([
    [["us-east-1"]],
    [["us-east-1", "eu-west-1"]],
    [["us-east-1", "eu-west-1", "ap-northeast-1"]],
  ])("of %j has each part once a region, and a subscription for every ordered pair", async (regions) => {
    await build({ regions });
    const n = regions.length;
    expect(counts()).toEqual({
      "aws:ec2/vpc:Vpc": n,
      "aws:ec2/subnet:Subnet": 2 * n,
      "aws:ec2/securityGroup:SecurityGroup": 2 * n,
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": n,
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": n,
      "aws:elasticache/subnetGroup:SubnetGroup": n,
      "aws:elasticache/parameterGroup:ParameterGroup": n,
      "aws:elasticache/replicationGroup:ReplicationGroup": n,
      "aws:sns/topic:Topic": n,
      "aws:sqs/queue:Queue": 2 * n,
      "aws:sqs/queuePolicy:QueuePolicy": 2 * n,
      "aws:sns/topicSubscription:TopicSubscription": n * n,
    });
  });

  test("says the region of every resource", async () => {
    await build({ regions: ["us-east-1", "eu-west-1"] });
    const resources = made.filter(({ type }) => type.startsWith("aws:"));
    for (const { name, inputs } of resources) {
      expect([name, inputs.region]).toEqual([name, expect.stringMatching(/^(us-east-1|eu-west-1)$/)]);
      expect(name).toContain(inputs.region);
    }
  });
});

describe("a region's cluster", () => {
  test("is Valkey, encrypted, evicting, and keeps nothing", async () => {
    await build({ replicas: 2, nodeType: "cache.r7g.large" });
    expect(inputsOf("fly-us-east-1-cluster-group")).toEqual({
      region: "us-east-1",
      description: "Redis on Fly: a volatile cache",
      engine: "valkey",
      engineVersion: "9.1",
      autoMinorVersionUpgrade: false,
      nodeType: "cache.r7g.large",
      port: 6379,
      parameterGroupName: "fly-us-east-1-cluster-parameters",
      subnetGroupName: "fly-us-east-1-cluster-subnets",
      securityGroupIds: ["fly-us-east-1-network-cluster-id"],
      numCacheClusters: 3,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      transitEncryptionEnabled: true,
      atRestEncryptionEnabled: true,
      snapshotRetentionLimit: 0,
      applyImmediately: true,
    });
    expect(inputsOf("fly-us-east-1-cluster-parameters")).toMatchObject({
      family: "valkey9",
      parameters: [{ name: "maxmemory-policy", value: "allkeys-lru" }],
    });
  });

  test("has no failover to a replica that is not there", async () => {
    await build({ replicas: 0 });
    expect(inputsOf("fly-us-east-1-cluster-group")).toMatchObject({
      numCacheClusters: 1,
      automaticFailoverEnabled: false,
      multiAzEnabled: false,
    });
  });

  test("has a name that ElastiCache takes in every region, with Pulumi's eight random characters", async () => {
    const [longest] = supportedRegions.toSorted((one, other) => other.length - one.length);
    await build({ regions: [longest!] });
    const { name } = made.find(({ type }) => type.endsWith(":ReplicationGroup"))!;
    expect(name.length + 8).toBeLessThanOrEqual(40);
  });
});

describe("a region's network", () => {
  test("has subnets in two zones, and addresses apart from every other region's", async () => {
    const regions = ["us-east-1", "eu-west-1", "ap-southeast-2"] as const;
    await build({ regions });
    const blocks = made.filter(({ type }) => type.endsWith(":Vpc")).map(({ inputs }) => inputs.cidrBlock);
    expect(new Set(blocks).size).toBe(regions.length);
    const [, prefix] = /^(10\.\d+)\.0\.0\/16$/.exec(inputsOf("fly-eu-west-1-network-vpc").cidrBlock)!;
    expect(inputsOf("fly-eu-west-1-network-first-subnet")).toEqual({
      region: "eu-west-1",
      vpcId: "fly-eu-west-1-network-vpc-id",
      availabilityZone: "eu-west-1a",
      cidrBlock: `${prefix}.0.0/20`,
    });
    expect(inputsOf("fly-eu-west-1-network-second-subnet")).toMatchObject({
      availabilityZone: "eu-west-1c",
      cidrBlock: `${prefix}.16.0/20`,
    });
  });

  test("lets shims reach the cluster's port, and nobody else anything", async () => {
    await build({});
    const rule = { region: "us-east-1", ipProtocol: "tcp", fromPort: 6379, toPort: 6379 };
    expect(inputsOf("fly-us-east-1-network-cluster-from-shim")).toEqual({
      ...rule,
      securityGroupId: "fly-us-east-1-network-cluster-id",
      referencedSecurityGroupId: "fly-us-east-1-network-shim-id",
    });
    expect(inputsOf("fly-us-east-1-network-shim-to-cluster")).toEqual({
      ...rule,
      securityGroupId: "fly-us-east-1-network-shim-id",
      referencedSecurityGroupId: "fly-us-east-1-network-cluster-id",
    });
  });
});

describe("the mesh", () => {
  beforeEach(() => build({ regions: ["us-east-1", "eu-west-1", "ap-northeast-1"] }));

  test("keeps what it cannot deliver in the sender's region, where SNS wants it", () => {
    expect(inputsOf("fly-mesh-us-east-1-to-eu-west-1")).toEqual({
      region: "us-east-1",
      topic: "fly-us-east-1-topic-arn",
      protocol: "sqs",
      endpoint: "fly-eu-west-1-queue-arn",
      rawMessageDelivery: true,
      redrivePolicy: '{"deadLetterTargetArn":"fly-us-east-1-dead-letters-arn"}',
    });
  });

  test("admits to a queue exactly the topics of all regions", () => {
    const { policy, ...inputs } = inputsOf("fly-mesh-eu-west-1-queue");
    expect(inputs).toEqual({ region: "eu-west-1", queueUrl: "fly-eu-west-1-queue-url" });
    expect(JSON.parse(policy)).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "sns.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: "fly-eu-west-1-queue-arn",
          Condition: {
            ArnEquals: {
              "aws:SourceArn": ["fly-ap-northeast-1-topic-arn", "fly-eu-west-1-topic-arn", "fly-us-east-1-topic-arn"],
            },
          },
        },
      ],
    });
  });

  test("admits to a dead-letter queue the topic of its own region only", () => {
    const [statement] = JSON.parse(inputsOf("fly-mesh-eu-west-1-dead-letters").policy).Statement;
    expect(statement).toMatchObject({
      Resource: "fly-eu-west-1-dead-letters-arn",
      Condition: { ArnEquals: { "aws:SourceArn": ["fly-eu-west-1-topic-arn"] } },
    });
  });

  test("keeps messages for 14 days, encrypted, and gives up on one as late as SQS allows", () => {
    const queue = { region: "eu-west-1", messageRetentionSeconds: 1_209_600, sqsManagedSseEnabled: true };
    expect(inputsOf("fly-eu-west-1-dead-letters")).toEqual(queue);
    const { redrivePolicy, ...inputs } = inputsOf("fly-eu-west-1-queue");
    expect(inputs).toEqual(queue);
    expect(JSON.parse(redrivePolicy)).toEqual({
      deadLetterTargetArn: "fly-eu-west-1-dead-letters-arn",
      maxReceiveCount: 1000,
    });
  });

  test("has the same policies whatever the order of regions", async () => {
    const { policy } = inputsOf("fly-mesh-eu-west-1-queue");
    await build({ regions: ["ap-northeast-1", "eu-west-1", "us-east-1"] });
    expect(inputsOf("fly-mesh-eu-west-1-queue").policy).toBe(policy);
  });
});
