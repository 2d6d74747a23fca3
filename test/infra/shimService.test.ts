// A region's shims, what they may do, how they are reached and watched, against Pulumi's mocks.
import { describe, expect, test } from "@jest/globals";
import type * as pulumi from "@pulumi/pulumi";
import { parseConfiguration } from "../../shim/configuration";
import { MadeResources } from "./madeResources";

function resolved<Value>(output: pulumi.Output<Value>): Promise<Value> {
  return new Promise((resolve) => output.apply(resolve));
}

function containerOf(made: MadeResources) {
  const [container] = JSON.parse(made.inputsOf("fly-us-east-1-shims-task").containerDefinitions);
  return container;
}

function statementsOf(made: MadeResources, role: string): { Action: string[]; Resource: string }[] {
  return JSON.parse(made.inputsOf(`fly-us-east-1-shims-${role}-role-policy`).policy).Statement;
}

describe("a region's shims", () => {
  test("run the image by its digest, without a root user or a file system to write to", async () => {
    const made = await MadeResources.of();
    expect(containerOf(made)).toMatchObject({
      image: "fly-us-east-1-shims-image-image-repoDigest",
      user: "1000",
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { drop: ["ALL"] } },
      ulimits: [{ name: "nofile", softLimit: 262_144, hardLimit: 262_144 }],
      stopTimeout: 120,
    });
    expect(made.inputsOf("fly-us-east-1-shims-task")).toMatchObject({
      cpu: "1024",
      memory: "2048",
      runtimePlatform: { cpuArchitecture: "ARM64", operatingSystemFamily: "LINUX" },
    });
  });

  test("get an environment that shims take, the secret part of it from Secrets Manager", async () => {
    const { environment, secrets } = containerOf(await MadeResources.of());
    const plain = Object.fromEntries(environment.map(({ name, value }: Record<string, string>) => [name, value]));
    const hidden = {
      FLY_REDIS_PASSWORD: "a-password-of-16-or-more",
      FLY_REDIS_CLUSTER_URL: "rediss://shim:secret@cluster:6379",
      FLY_REDIS_ENVELOPE_KEYS: `1:${Buffer.alloc(32).toString("base64")}`,
    };
    expect(secrets.map(({ name }: Record<string, string>) => name).sort()).toEqual(Object.keys(hidden).sort());
    expect(secrets[0].valueFrom).toBe(
      "fly-us-east-1-secrets-shim-arn:FLY_REDIS_PASSWORD::fly-us-east-1-secrets-shim-value-versionId",
    );
    // What the mocks make of addresses is no address.
    const addresses = {
      FLY_REDIS_TOPIC_ARN: "arn:aws:sns:us-east-1:111122223333:topic",
      FLY_REDIS_QUEUE_URL: "https://sqs.us-east-1.amazonaws.com/111122223333/queue",
      FLY_REDIS_DEAD_LETTER_QUEUE_URL: "https://sqs.us-east-1.amazonaws.com/111122223333/dead-letters",
    };
    expect(Object.keys(plain)).toEqual(expect.arrayContaining(Object.keys(addresses)));
    const configuration = parseConfiguration({ ...plain, ...hidden, ...addresses });
    expect(configuration.drainTimeoutMs).toBeLessThan(120_000);
    expect(configuration.keepAliveMs).toBeLessThan(350_000);
  });

  test("may use their own region's bus, log, image and secrets, and nothing else", async () => {
    const made = await MadeResources.of();
    const region = "fly-us-east-1";
    expect(statementsOf(made, "task")).toEqual([
      { Effect: "Allow", Action: ["sns:Publish"], Resource: `${region}-topic-arn` },
      {
        Effect: "Allow",
        Action: ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
        Resource: `${region}-queue-arn`,
      },
      { Effect: "Allow", Action: ["sqs:SendMessage"], Resource: `${region}-dead-letters-arn` },
    ]);
    const resources = statementsOf(made, "execution").map(({ Resource }) => Resource);
    expect(resources).toEqual([
      `${region}-secrets-shim-arn`,
      `${region}-shims-log-arn:log-stream:*`,
      `${region}-shims-image-repository-arn`,
      "*",
    ]);
    expect(statementsOf(made, "execution").at(-1)!.Action).toEqual(["ecr:GetAuthorizationToken"]);
  });

  test("are told what the operator sets, whatever is set here otherwise", async () => {
    const { environment } = containerOf(await MadeResources.of({ shim: { horizonMs: 900_000, maxAgeMs: 60_000 } }));
    const of = (name: string) => environment.filter((one: { name: string }) => one.name === name);
    expect(of("FLY_REDIS_HORIZON_MS")).toEqual([{ name: "FLY_REDIS_HORIZON_MS", value: "900000" }]);
    expect(of("FLY_REDIS_MAX_AGE_MS")).toEqual([{ name: "FLY_REDIS_MAX_AGE_MS", value: "60000" }]);
  });

  test("drain when they are replaced, and go back when the new ones do not work", async () => {
    const service = (await MadeResources.of({ minShims: 3 })).inputsOf("fly-us-east-1-shims");
    expect(service).toMatchObject({
      desiredCount: 3,
      deploymentMinimumHealthyPercent: 100,
      deploymentCircuitBreaker: { enable: true, rollback: true },
      networkConfiguration: { assignPublicIp: false, securityGroups: ["fly-us-east-1-network-shim-id"] },
    });
  });

  test("grow with processor and connections", async () => {
    const made = await MadeResources.of({ minShims: 3, maxShims: 9, connectionsPerShim: 1000 });
    expect(made.inputsOf("fly-us-east-1-shims-scaling")).toMatchObject({ minCapacity: 3, maxCapacity: 9 });
    const { targetTrackingScalingPolicyConfiguration: byConnections } = made.inputsOf(
      "fly-us-east-1-shims-scaling-by-connections",
    );
    expect(byConnections.targetValue).toBe(1000);
  });

  test("have an image of another tag for another processor, since tags cannot be moved", async () => {
    const tags: string[] = [];
    for (const architecture of ["arm64", "amd64"] as const) {
      const { imageName, build } = (await MadeResources.of({ architecture })).inputsOf(
        "fly-us-east-1-shims-image-image",
      );
      expect(build.platform).toBe(`linux/${architecture}`);
      tags.push(imageName);
    }
    expect(tags[0]).toMatch(/:[0-9a-f]{16}-arm64$/);
    expect(tags[1]).toBe(tags[0]!.replace("arm64", "amd64"));
  });

  test("run a given image, pulled from its own registry's repository where that is ECR", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const given = await MadeResources.of({ image: `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shim@${digest}` });
    expect(given.counts()).not.toHaveProperty("Repository");
    expect(statementsOf(given, "execution")[2]!.Resource).toBe("arn:aws:ecr:eu-west-1:111122223333:repository/shim");
    const published = await MadeResources.of({ image: `registry.example.com/shim@${digest}` });
    expect(statementsOf(published, "execution")).toHaveLength(2);
    expect(containerOf(published).image).toBe(`registry.example.com/shim@${digest}`);
  });

  test("take every client password while one is rotated, and seal with the first key", async () => {
    const made = await MadeResources.of({ clientPasswordIds: [2, 1], envelopeKeyIds: [2, 1] });
    const secret = JSON.parse(made.inputsOf("fly-us-east-1-secrets-shim-value").secretString);
    const id = "fly-credentials";
    expect(secret.FLY_REDIS_PASSWORD).toBe(`${id}-client-password-2-result,${id}-client-password-1-result`);
    expect(secret.FLY_REDIS_ENVELOPE_KEYS).toBe(`2:${id}-envelope-key-2-base64,1:${id}-envelope-key-1-base64`);
    expect(await resolved(made.cache.cacheUrl("us-east-1"))).toContain(`:${id}-client-password-2-result@`);
  });
});

describe("the load balancer", () => {
  test("is internal, and sends clients to shims that can serve them", async () => {
    const made = await MadeResources.of();
    expect(made.inputsOf("fly-us-east-1-balancer-load-balancer")).toMatchObject({
      internal: true,
      loadBalancerType: "network",
      securityGroups: ["fly-us-east-1-network-balancer-id"],
    });
    expect(made.inputsOf("fly-us-east-1-balancer-targets").healthCheck).toMatchObject({
      protocol: "HTTP",
      port: "9121",
      path: "/ready",
    });
    expect(made.inputsOf("fly-us-east-1-balancer-listener")).toMatchObject({
      protocol: "TCP",
      port: 6379,
      tcpIdleTimeoutSeconds: 350,
    });
  });

  test("ends TLS where it has a certificate", async () => {
    const arn = "arn:aws:acm:us-east-1:111122223333:certificate/1";
    const made = await MadeResources.of({ certificateArns: { "us-east-1": arn }, domainName: "cache.example.com" });
    expect(made.inputsOf("fly-us-east-1-balancer-listener")).toMatchObject({ protocol: "TLS", certificateArn: arn });
    expect(await resolved(made.cache.cacheUrl("us-east-1"))).toMatch(/^rediss:\/\/fly:.*@cache\.example\.com:6379$/);
  });
});

describe("an application's environment", () => {
  test("has the same URL in every region, in the shapes of ECS, Lambda and Kubernetes", async () => {
    const { cache } = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"] });
    const url = "redis://fly:fly-credentials-client-password-1-result@cache.redis-on-fly.internal:6379";
    expect(await resolved(cache.cacheUrl("us-east-1"))).toBe(url);
    expect(await resolved(cache.cacheUrl("eu-west-1"))).toBe(url);

    const environment = cache.environment("eu-west-1");
    const name = "FLY_REDIS_CACHE_URL";
    expect(environment.ecsSecrets.map((one) => one.name)).toEqual([name]);
    expect(await resolved(environment.ecsSecrets[0]!.valueFrom)).toBe("fly-eu-west-1-secrets-cache-url-arn");
    expect(await resolved(environment.ecsEnvironment[0]!.value)).toBe(url);
    expect(await resolved(environment.lambdaVariables[name]!)).toBe(url);
    expect(await resolved(environment.kubernetesSecretData[name]!)).toBe(url);
    expect(environment.kubernetesEnv("cache")).toEqual([
      { name, valueFrom: { secretKeyRef: { name: "cache", key: name } } },
    ]);
  });
});

describe("users", () => {
  const users = [
    { name: "reader", write: false },
    { name: "batch", database1PerSecond: 100, passwordIds: [3, 2] },
  ];

  test("have passwords and URLs of their own, and rights that shims are told in secret", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1"], users, typedReplies: true });
    const password = (user: string, id: number) => `fly-credentials-client-password-of-${user}-${id}-result`;
    const secret = JSON.parse(made.inputsOf("fly-us-east-1-secrets-shim-value").secretString);
    const rights = { write: true, database1: true, flushall: true };
    expect(JSON.parse(secret.FLY_REDIS_USERS)).toEqual([
      { ...rights, name: "reader", write: false, passwords: [password("reader", 1)] },
      { ...rights, name: "batch", database1PerSecond: 100, passwords: [password("batch", 3), password("batch", 2)] },
    ]);
    const url = `redis://batch:${password("batch", 3)}@cache.redis-on-fly.internal:6379`;
    expect(await resolved(made.cache.cacheUrl("us-east-1", "batch"))).toBe(url);
    expect(made.inputsOf("fly-us-east-1-secrets-cache-url-batch-value").secretString).toBe(url);
    const typed = made.cache.typedEnvironment("us-east-1", "reader");
    expect(await resolved(typed.secretArn)).toBe("fly-us-east-1-secrets-typed-cache-url-reader-arn");
    expect(await resolved(typed.url)).toMatch(/^redis:\/\/reader:.*:6380$/);
  });

  test("are told by name when there is no such one", async () => {
    const { cache } = await MadeResources.of({ users });
    expect(() => cache.environment("us-east-1", "writer")).toThrow("no user writer: it has fly, reader, batch");
  });
});

describe("typed replies", () => {
  const regions = ["us-east-1", "eu-west-1"] as const;

  test("have a port of their own from clients to shims, with a URL and a secret", async () => {
    const made = await MadeResources.of({ regions, typedReplies: true, clientCidrBlocks: ["10.0.0.0/16"] });
    const container = containerOf(made);
    expect(container.portMappings.map((one: { containerPort: number }) => one.containerPort)).toEqual([
      6379, 6380, 9121,
    ]);
    expect(container.environment).toContainEqual({ name: "FLY_REDIS_TYPED_PORT", value: "6380" });
    expect(made.inputsOf("fly-us-east-1-shims").loadBalancers).toEqual([
      { targetGroupArn: "fly-us-east-1-balancer-targets-arn", containerName: "shim", containerPort: 6379 },
      { targetGroupArn: "fly-us-east-1-balancer-targets-typed-arn", containerName: "shim", containerPort: 6380 },
    ]);
    expect(made.inputsOf("fly-us-east-1-balancer-listener-typed")).toMatchObject({ protocol: "TCP", port: 6380 });
    for (const rule of ["client-to-balancer", "balancer-from-client", "balancer-from-10.0.0.0-16", "balancer-to-shim"])
      expect(made.inputsOf(`fly-us-east-1-network-${rule}-typed`)).toMatchObject({ fromPort: 6380, toPort: 6380 });
    expect(made.inputsOf("fly-us-east-1-monitoring-shims-unhealthy").metricQueries).toHaveLength(3);

    const url = "redis://fly:fly-credentials-client-password-1-result@cache.redis-on-fly.internal:6380";
    const environment = made.cache.typedEnvironment("eu-west-1");
    expect(await resolved(environment.url)).toBe(url);
    expect(await resolved(environment.secretArn)).toBe("fly-eu-west-1-secrets-typed-cache-url-arn");
    expect(made.inputsOf("fly-eu-west-1-secrets-typed-cache-url-value").secretString).toBe(url);
  });

  test("are nowhere unless asked for", async () => {
    const { cache } = await MadeResources.of();
    expect(() => cache.typedEnvironment("us-east-1")).toThrow(
      "has no port for typed replies: set typedReplies to true",
    );
  });
});

describe("monitoring", () => {
  test("has an alarm for what goes wrong in a region, each to the region's topic", async () => {
    const made = await MadeResources.of();
    const names = made.namesOf("MetricAlarm");
    expect(names.map((name) => name.replace("fly-us-east-1-monitoring-", "")).sort()).toEqual([
      "dead-letters",
      "deliveries-failed",
      "evictions",
      "memory",
      "no-shims",
      "processor",
      "replication-late",
      "shims-unhealthy",
    ]);
    for (const name of names) {
      const { alarmActions, okActions } = made.inputsOf(name);
      expect([alarmActions, okActions]).toEqual(Array(2).fill(["fly-us-east-1-monitoring-alarms-arn"]));
    }
  });

  test("looks at every node of a cluster", async () => {
    const made = await MadeResources.of({ replicas: 1 });
    const { metricQueries } = made.inputsOf("fly-us-east-1-monitoring-memory");
    expect(metricQueries[0]).toMatchObject({ expression: "MAX(METRICS())", returnData: true });
    const nodes = metricQueries.slice(1).map((query: { metric: { dimensions: object } }) => query.metric.dimensions);
    expect(nodes).toEqual([
      { CacheClusterId: "fly-us-east-1-cluster-id-001" },
      { CacheClusterId: "fly-us-east-1-cluster-id-002" },
    ]);
    const alone = await MadeResources.of({ replicas: 0 });
    expect(alone.inputsOf("fly-us-east-1-monitoring-memory")).toMatchObject({
      metricName: "DatabaseMemoryUsagePercentage",
      dimensions: { CacheClusterId: "fly-us-east-1-cluster-id-001" },
    });
  });

  test("mails those who asked for it", async () => {
    const made = await MadeResources.of({ alarmEmails: ["oncall@example.com"] });
    expect(made.inputsOf("fly-us-east-1-monitoring-to-oncall@example.com")).toMatchObject({ protocol: "email" });
  });

  test("shows all regions on one dashboard", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"], replicas: 1 });
    const { widgets } = JSON.parse(made.inputsOf("fly-dashboard").dashboardBody);
    for (const { properties } of widgets) {
      const options: { visible?: boolean }[] = properties.metrics.map((line: unknown[]) => line.at(-1));
      expect(options.filter(({ visible }) => visible !== false)).toEqual([
        expect.objectContaining({ region: "us-east-1", label: "us-east-1" }),
        expect.objectContaining({ region: "eu-west-1", label: "eu-west-1" }),
      ]);
    }
  });

  test("shows of a cluster the node that has most to do, since the primary changes", async () => {
    const made = await MadeResources.of({ regions: ["us-east-1", "eu-west-1"], replicas: 1 });
    const { widgets } = JSON.parse(made.inputsOf("fly-dashboard").dashboardBody);
    const [{ properties }] = widgets.filter((widget: { properties: { title: string } }) =>
      widget.properties.title.startsWith("Cluster: evictions"),
    );
    const metric = ["AWS/ElastiCache", "Evictions", "CacheClusterId"];
    expect(properties.metrics.slice(3)).toEqual([
      [{ region: "eu-west-1", label: "eu-west-1", expression: "MAX([region1node0, region1node1])" }],
      [...metric, "fly-eu-west-1-cluster-id-001", { region: "eu-west-1", id: "region1node0", visible: false }],
      [...metric, "fly-eu-west-1-cluster-id-002", { region: "eu-west-1", id: "region1node1", visible: false }],
    ]);
  });
});
