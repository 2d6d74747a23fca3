// A region's shims: an ECS service on Fargate, one vCPU a task. Tasks are replaced one by one, each draining before it
// goes, and a version that does not become healthy is rolled back.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { shimVariables } from "../shim/contract";
import type { CacheOptions } from "./cacheOptions";
import { ports } from "./networkRules";
import type { RegionalNetwork } from "./regionalNetwork";
import type { RegionalSecrets } from "./regionalSecrets";
import type { Region } from "./regions";
import type { BusEnd } from "./replicationMesh";
import { idleTimeoutSeconds, type ShimBalancer } from "./shimBalancer";
import { ShimImage } from "./shimImage";
import { makeShimRoles } from "./shimRoles";
import { scaleShims } from "./shimScaling";
import { environmentOf } from "./shimSettings";

/** Fargate allows no more before it kills a task. */
const stopTimeoutSeconds = 120;
/** What a shim leaves of that for its exit. */
const exitSeconds = 10;
/** Well before the balancer forgets a connection on which nothing is said. */
const keepAliveMs = (idleTimeoutSeconds * 1000) / 5;
/** An hour, so that shims which autoscaling adds get their share of clients that stay connected for ever. */
const connectionMaxAgeMs = 3_600_000;
/** Two for a connection at most; Fargate allows four times as many. */
const openFiles = 262_144;
/** Of the image's `node`. */
const userId = "1000";
/** The image has no curl, and no shell is needed. */
const healthCheck = `fetch("http://127.0.0.1:${ports.operations}/live").then(({ ok }) => process.exit(ok ? 0 : 1))`;

export interface ShimServiceArgs {
  readonly region: Region;
  readonly network: RegionalNetwork;
  readonly balancer: ShimBalancer;
  readonly secrets: RegionalSecrets;
  readonly bus: BusEnd;
  /** Name that clients give. */
  readonly user: string;
  readonly options: Pick<
    CacheOptions,
    | "image"
    | "architecture"
    | "minShims"
    | "maxShims"
    | "connectionsPerShim"
    | "typedReplies"
    | "allowGroups"
    | "outboxMode"
    | "invalidate"
    | "shim"
    | "logRetentionDays"
  >;
}

/** The service, its image, roles and logs. */
export class ShimService extends pulumi.ComponentResource {
  readonly cluster: aws.ecs.Cluster;
  readonly service: aws.ecs.Service;
  /** Environment variables of the shims, without the secret ones. */
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;

  constructor(name: string, args: ShimServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:ShimService", name, {}, opts);
    const { region, network, balancer, secrets, bus, options } = args;
    const parent = { parent: this };

    const { reference, repositoryArn } = imageOf(name, region, options, parent);
    this.cluster = new aws.ecs.Cluster(
      `${name}-cluster`,
      { region, settings: [{ name: "containerInsights", value: "enabled" }] },
      parent,
    );
    const retentionInDays = options.logRetentionDays;
    const log = new aws.cloudwatch.LogGroup(`${name}-log`, { region, retentionInDays }, parent);
    // Container Insights would make it by itself: kept for ever, and left behind.
    const insights = new aws.cloudwatch.LogGroup(
      `${name}-insights`,
      {
        region,
        name: pulumi.interpolate`/aws/ecs/containerinsights/${this.cluster.name}/performance`,
        retentionInDays: 1,
      },
      parent,
    );
    const roles = makeShimRoles(
      name,
      { bus, secretArn: secrets.shimSecretArn, logGroupArn: log.arn, repositoryArn },
      parent,
    );

    this.environment = {
      [shimVariables.region]: region,
      [shimVariables.port]: String(ports.shim),
      [shimVariables.operationsPort]: String(ports.operations),
      [shimVariables.user]: args.user,
      [shimVariables.allowGroups]: options.allowGroups.join(","),
      [shimVariables.outboxMode]: options.outboxMode,
      [shimVariables.invalidate]: options.invalidate.join(","),
      [shimVariables.topicArn]: bus.topic.arn,
      [shimVariables.queueUrl]: bus.queue.url,
      [shimVariables.deadLetterQueueUrl]: bus.deadLetterQueue.url,
      // Twice what autoscaling aims at: it takes minutes to add a shim.
      [shimVariables.maxClients]: String(2 * options.connectionsPerShim),
      [shimVariables.keepAliveMs]: String(keepAliveMs),
      [shimVariables.maxAgeMs]: String(connectionMaxAgeMs),
      [shimVariables.drainTimeoutMs]: String((stopTimeoutSeconds - exitSeconds) * 1000),
      ...(options.typedReplies && { [shimVariables.typedPort]: String(ports.typed) }),
      ...environmentOf(options.shim),
    };
    const container = {
      name: "shim",
      image: reference,
      essential: true,
      user: userId,
      readonlyRootFilesystem: true,
      linuxParameters: { capabilities: { drop: ["ALL"] } },
      ulimits: [{ name: "nofile", softLimit: openFiles, hardLimit: openFiles }],
      portMappings: [...balancer.doors.map(({ port }) => port), ports.operations].map((containerPort) => ({
        containerPort,
        protocol: "tcp",
      })),
      environment: Object.entries(this.environment).map(([key, value]) => ({ name: key, value })),
      secrets: Object.entries(secrets.shimReferences).map(([key, valueFrom]) => ({ name: key, valueFrom })),
      stopTimeout: stopTimeoutSeconds,
      healthCheck: {
        command: ["CMD", "node", "-e", healthCheck],
        interval: 30,
        timeout: 5,
        retries: 3,
        startPeriod: 30,
      },
      logConfiguration: {
        logDriver: "awslogs",
        options: {
          "awslogs-group": log.name,
          "awslogs-region": region,
          "awslogs-stream-prefix": "shim",
          // A log that cannot be written must not stop the shim.
          mode: "non-blocking",
        },
      },
    };
    const taskDefinition = new aws.ecs.TaskDefinition(
      `${name}-task`,
      {
        region,
        family: name,
        requiresCompatibilities: ["FARGATE"],
        networkMode: "awsvpc",
        cpu: "1024",
        memory: "2048",
        runtimePlatform: {
          operatingSystemFamily: "LINUX",
          cpuArchitecture: options.architecture === "arm64" ? "ARM64" : "X86_64",
        },
        executionRoleArn: roles.execution.arn,
        taskRoleArn: roles.task.arn,
        containerDefinitions: pulumi.jsonStringify([container]),
      },
      parent,
    );
    this.service = new aws.ecs.Service(
      name,
      {
        region,
        cluster: this.cluster.arn,
        taskDefinition: taskDefinition.arn,
        launchType: "FARGATE",
        desiredCount: options.minShims,
        networkConfiguration: {
          subnets: [...network.subnetIds],
          securityGroups: [network.securityGroups.shim.id],
          assignPublicIp: false,
        },
        loadBalancers: balancer.doors.map(({ port, targetGroup }) => ({
          targetGroupArn: targetGroup.arn,
          containerName: container.name,
          containerPort: port,
        })),
        availabilityZoneRebalancing: "ENABLED",
        deploymentMinimumHealthyPercent: 100,
        deploymentMaximumPercent: 200,
        deploymentCircuitBreaker: { enable: true, rollback: true },
        healthCheckGracePeriodSeconds: 60,
        enableEcsManagedTags: true,
        propagateTags: "SERVICE",
        // Else an update would succeed while its shims fail.
        waitForSteadyState: true,
      },
      {
        ...parent,
        // Autoscaling decides how many there are.
        ignoreChanges: ["desiredCount"],
        // Tasks need all of the network to start, and a target group only serves behind a listener.
        dependsOn: [network, ...balancer.doors.map(({ listener }) => listener), insights],
      },
    );
    scaleShims(name, { region, cluster: this.cluster, service: this.service, balancer, options }, parent);

    this.registerOutputs({ environment: this.environment });
  }
}

/** The image to run, and the repository that its agent must be let into. */
function imageOf(
  name: string,
  region: Region,
  { image, architecture }: ShimServiceArgs["options"],
  opts: pulumi.CustomResourceOptions,
): { reference: pulumi.Input<string>; repositoryArn: pulumi.Input<string> | undefined } {
  if (image === undefined) {
    const built = new ShimImage(`${name}-image`, { region, architecture }, opts);
    return { reference: built.digestReference, repositoryArn: built.repositoryArn };
  }
  const [, account, home, repository] = /^(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com\/([^@:]+)/.exec(image) ?? [];
  const repositoryArn = account && `arn:aws:ecr:${home}:${account}:repository/${repository}`;
  return { reference: image, repositoryArn };
}
