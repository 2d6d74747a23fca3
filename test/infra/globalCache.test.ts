// The components against Pulumi's mocks: how many of what, and with which inputs.
import { beforeAll, describe, expect, test } from "@jest/globals";
import { GlobalCache } from "../../infra/globalCache";
import { type Region, supportedRegions } from "../../infra/regions";
import { MadeResources } from "./madeResources";

const vpcs = {
  "us-east-1": { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
  "eu-west-1": { vpcId: "vpc-2", subnetIds: ["subnet-3", "subnet-4"] },
};

describe("a global cache", () => {
  test.each<[readonly Region[]]>([
    [["us-east-1"]],
    [["us-east-1", "eu-west-1"]],
    [["us-east-1", "eu-west-1", "ap-northeast-1"]],
  ])("of %j has each part once a region, and a subscription for every ordered pair", async (regions) => {
    const made = await MadeResources.of({ regions });
    const n = regions.length;
    expect(made.counts()).toEqual({
      Vpc: n,
      DefaultSecurityGroup: n,
      Subnet: 3 * n,
      RouteTable: 2 * n,
      RouteTableAssociation: 3 * n,
      Route: 2 * n,
      InternetGateway: n,
      Eip: n,
      NatGateway: n,
      VpcEndpoint: n,
      SecurityGroup: 4 * n,
      SecurityGroupIngressRule: 4 * n,
      SecurityGroupEgressRule: 5 * n,
      User: n,
      UserGroup: n,
      SubnetGroup: n,
      ParameterGroup: n,
      ReplicationGroup: n,
      LogGroup: 3 * n,
      LoadBalancer: n,
      TargetGroup: n,
      Listener: n,
      Zone: n,
      Record: n,
      Secret: 2 * n,
      SecretVersion: 2 * n,
      Repository: n,
      LifecyclePolicy: n,
      Cluster: n,
      Role: 2 * n,
      RolePolicy: 2 * n,
      TaskDefinition: n,
      Service: n,
      Target: n,
      Policy: 2 * n,
      // The bus's topic and the alarms'.
      Topic: 2 * n,
      MetricAlarm: 8 * n,
      Queue: 2 * n,
      QueuePolicy: 2 * n,
      TopicSubscription: n * n,
      Dashboard: 1,
    });
  });

  test("says the region of every resource that has one", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"] });
    const regional = made.aws.filter(({ type }) => !/^aws:(iam|route53)\//.test(type));
    for (const { name, inputs } of regional) {
      expect([name, inputs.region]).toEqual([name, expect.stringMatching(/^(us-east-1|eu-west-1)$/)]);
      if (name !== "fly-dashboard") expect(name).toContain(inputs.region);
    }
  });

  test("is refused a name that is too long for what is named after it", () => {
    expect(() => new GlobalCache("everybodys-cache", { regions: ["us-east-1"] })).toThrow(/have 9 characters at most/);
  });

  test("is refused with every fault in its arguments", async () => {
    const args = { regions: [], zones: 4 };
    await expect(MadeResources.of(args)).rejects.toThrow(/regions: \[\] must name.*zones: 4 must be a whole/s);
  });

  test("knows the regions it spans", async () => {
    const { cache } = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"] });
    expect(cache.regionalCache("eu-west-1").region).toBe("eu-west-1");
    expect(() => cache.cacheUrl("sa-east-1")).toThrow("does not span sa-east-1: it is in us-east-1, eu-west-1.");
  });
});

describe("a region's cluster", () => {
  test("is Valkey, encrypted, evicting, and keeps nothing", async () => {
    const made = await MadeResources.of({ replicas: 2, nodeType: "cache.r7g.large" });
    expect(made.inputsOf("fly-us-east-1-cluster")).toEqual({
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
      userGroupIds: ["fly-us-east-1-cluster-user-id-hex"],
      numCacheClusters: 3,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      transitEncryptionEnabled: true,
      transitEncryptionMode: "required",
      atRestEncryptionEnabled: true,
      snapshotRetentionLimit: 0,
      maintenanceWindow: "sun:00:00-sun:01:00",
      logDeliveryConfigurations: [
        {
          logType: "slow-log",
          logFormat: "json",
          destinationType: "cloudwatch-logs",
          destination: "fly-us-east-1-cluster-slow-log",
        },
      ],
      applyImmediately: true,
    });
    expect(made.inputsOf("fly-us-east-1-cluster-parameters")).toMatchObject({
      family: "valkey9",
      parameters: [{ name: "maxmemory-policy", value: "allkeys-lru" }],
    });
  });

  test("has no failover to a replica that is not there", async () => {
    const made = await MadeResources.of({ replicas: 0 });
    expect(made.inputsOf("fly-us-east-1-cluster")).toMatchObject({
      numCacheClusters: 1,
      automaticFailoverEnabled: false,
      multiAzEnabled: false,
    });
  });

  test("is maintained at an hour at which no other region is", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"] });
    expect(made.inputsOf("fly-us-east-1-cluster").maintenanceWindow).toBe("sun:00:00-sun:01:00");
    expect(made.inputsOf("fly-eu-west-1-cluster").maintenanceWindow).toBe("sun:06:00-sun:07:00");
  });

  test("takes two passwords while one is rotated, of which shims use the first", async () => {
    const made = await MadeResources.of({ clusterPasswordIds: [2, 1] });
    expect(made.inputsOf("fly-us-east-1-cluster-user").authenticationMode).toEqual({
      type: "password",
      passwords: ["fly-us-east-1-cluster-password-2-result", "fly-us-east-1-cluster-password-1-result"],
    });
    const { FLY_REDIS_CLUSTER_URL: url } = JSON.parse(made.inputsOf("fly-us-east-1-secrets-shim-value").secretString);
    expect(url).toBe(
      "rediss://shim:fly-us-east-1-cluster-password-2-result@fly-us-east-1-cluster-primaryEndpointAddress:6379",
    );
  });

  test("has a name that ElastiCache takes in every region, with Pulumi's eight random characters", () => {
    const [longest] = supportedRegions.toSorted((one, other) => other.length - one.length);
    expect("nine-char".length + `-${longest}-cluster`.length + 8).toBeLessThanOrEqual(40);
  });
});

describe("a region's network", () => {
  test("has subnets in as many zones as asked for, and addresses apart from every other region's", async () => {
    const made = await MadeResources.of({ regions: ["eu-west-1"], zones: 3 });
    expect(made.inputsOf("fly-eu-west-1-network-vpc").cidrBlock).toBe("10.70.0.0/16");
    expect(made.inputsOf("fly-eu-west-1-network-third-subnet")).toEqual({
      region: "eu-west-1",
      vpcId: "fly-eu-west-1-network-vpc-id",
      availabilityZone: "eu-west-1d",
      cidrBlock: "10.70.32.0/20",
    });
  });

  test("reaches AWS through endpoints alone where it is told to", async () => {
    const made = await MadeResources.of({ egress: "endpoints" });
    const { InternetGateway, NatGateway, Route, VpcEndpoint, SecurityGroup } = made.counts();
    expect({ InternetGateway, NatGateway, Route }).toEqual({});
    expect({ VpcEndpoint, SecurityGroup }).toEqual({ VpcEndpoint: 7, SecurityGroup: 5 });
    expect(made.inputsOf("fly-us-east-1-network-ecr-dkr")).toEqual({
      region: "us-east-1",
      vpcId: "fly-us-east-1-network-vpc-id",
      serviceName: "com.amazonaws.us-east-1.ecr.dkr",
      vpcEndpointType: "Interface",
      privateDnsEnabled: true,
      subnetIds: ["fly-us-east-1-network-first-subnet-id", "fly-us-east-1-network-second-subnet-id"],
      securityGroupIds: ["fly-us-east-1-network-endpoints-id"],
    });
  });

  test("is the caller's own where there is one", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"], vpcs });
    const { Vpc, Subnet, NatGateway, VpcEndpoint } = made.counts();
    expect({ Vpc, Subnet, NatGateway, VpcEndpoint }).toEqual({});
    expect(made.inputsOf("fly-eu-west-1-cluster-subnets").subnetIds).toEqual(["subnet-3", "subnet-4"]);
    expect(made.inputsOf("fly-eu-west-1-balancer-zone").vpcs).toEqual([{ vpcId: "vpc-2", vpcRegion: "eu-west-1" }]);
  });

  const link = (port: number) => ({ region: "us-east-1", ipProtocol: "tcp", fromPort: port, toPort: port });
  const group = (role: string) => `fly-us-east-1-network-${role}-id`;

  test.each([
    ["clients", "balancer-from-client", "client-to-balancer", "client", "balancer", 6379],
    ["the balancer", "shim-from-balancer", "balancer-to-shim", "balancer", "shim", 6379],
    ["health checks", "shim-from-balancer-health", "balancer-to-shim-health", "balancer", "shim", 9121],
    ["shims", "cluster-from-shim", "shim-to-cluster", "shim", "cluster", 6379],
  ])("lets %s pass, at both ends", async (_who, ingress, egress, from, to, port) => {
    const made = await MadeResources.of();
    expect(made.inputsOf(`fly-us-east-1-network-${ingress}`)).toEqual({
      ...link(port),
      securityGroupId: group(to),
      referencedSecurityGroupId: group(from),
    });
    expect(made.inputsOf(`fly-us-east-1-network-${egress}`)).toEqual({
      ...link(port),
      securityGroupId: group(from),
      referencedSecurityGroupId: group(to),
    });
  });

  test("lets in the clients that it is told of, and nobody else", async () => {
    const made = await MadeResources.of({
      egress: "endpoints",
      clientCidrBlocks: ["10.0.0.0/16"],
      clientSecurityGroupIds: { "us-east-1": ["sg-app"] },
    });
    const ingress = made.namesOf("SecurityGroupIngressRule").map((name) => name.replace("fly-us-east-1-network-", ""));
    expect(ingress.sort()).toEqual([
      "balancer-from-10.0.0.0-16",
      "balancer-from-client",
      "balancer-from-sg-app",
      "cluster-from-shim",
      "endpoints-from-shim",
      "shim-from-balancer",
      "shim-from-balancer-health",
    ]);
    expect(made.inputsOf("fly-us-east-1-network-balancer-from-10.0.0.0-16")).toEqual({
      ...link(6379),
      securityGroupId: group("balancer"),
      cidrIpv4: "10.0.0.0/16",
    });
  });
});

describe("the mesh", () => {
  let made: MadeResources;

  beforeAll(async () => {
    made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1", "ap-northeast-1"] });
  });

  test("keeps what it cannot deliver in the sender's region, where SNS wants it", () => {
    expect(made.inputsOf("fly-mesh-us-east-1-to-eu-west-1")).toEqual({
      region: "us-east-1",
      topic: "fly-us-east-1-topic-arn",
      protocol: "sqs",
      endpoint: "fly-eu-west-1-queue-arn",
      rawMessageDelivery: true,
      redrivePolicy: '{"deadLetterTargetArn":"fly-us-east-1-dead-letters-arn"}',
    });
  });

  test("admits to a queue exactly the topics of all regions", () => {
    const { policy, ...inputs } = made.inputsOf("fly-mesh-eu-west-1-queue");
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
    const [statement] = JSON.parse(made.inputsOf("fly-mesh-eu-west-1-dead-letters").policy).Statement;
    expect(statement).toMatchObject({
      Resource: "fly-eu-west-1-dead-letters-arn",
      Condition: { ArnEquals: { "aws:SourceArn": ["fly-eu-west-1-topic-arn"] } },
    });
  });

  test("keeps messages for 14 days, encrypted, and gives up on one as late as SQS allows", () => {
    const queue = {
      region: "eu-west-1",
      messageRetentionSeconds: 1_209_600,
      maxMessageSize: 1_048_576,
      sqsManagedSseEnabled: true,
    };
    expect(made.inputsOf("fly-eu-west-1-dead-letters")).toEqual(queue);
    const { redrivePolicy, ...inputs } = made.inputsOf("fly-eu-west-1-queue");
    expect(inputs).toEqual(queue);
    expect(JSON.parse(redrivePolicy)).toEqual({
      deadLetterTargetArn: "fly-eu-west-1-dead-letters-arn",
      maxReceiveCount: 1000,
    });
  });

  test("has the same policies whatever the order of regions", async () => {
    const { policy } = made.inputsOf("fly-mesh-eu-west-1-queue");
    const other = await MadeResources.of({ regions: ["ap-northeast-1", "eu-west-1", "us-east-1"] });
    expect(other.inputsOf("fly-mesh-eu-west-1-queue").policy).toBe(policy);
  });
});
