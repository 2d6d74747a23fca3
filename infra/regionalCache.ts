// What one region has of its own. It knows of no other region: the mesh joins them.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { shimVariables } from "../shim/contract";
import type { ApplicationEnvironment } from "./applicationEnvironment";
import { CacheCluster } from "./cacheCluster";
import type { CacheCredentials } from "./cacheCredentials";
import { CacheMonitoring } from "./cacheMonitoring";
import { type CacheOptions, mainUser } from "./cacheOptions";
import { ports } from "./networkRules";
import { RegionalNetwork } from "./regionalNetwork";
import { RegionalSecrets } from "./regionalSecrets";
import type { Region } from "./regions";
import { ShimBalancer } from "./shimBalancer";
import { ShimService } from "./shimService";

/** SQS keeps nothing longer: 14 days. */
const maxRetentionSeconds = 1_209_600;

/** SQS takes nothing larger. Topics take less, so that a dead letter has room for the reason beside it. */
const maxMessageBytes = 1_048_576;

// Shims send what they cannot open or apply to the dead-letter queue themselves. SQS counts receives, not faults, and
// receives add up while a shim restarts: this is the highest count it takes.
const maxReceiveCount = 1000;

export interface RegionalCacheArgs {
  /** Region of everything here. */
  readonly region: Region;
  readonly options: CacheOptions;
  readonly credentials: CacheCredentials;
}

/** A region's network, cluster, shims, topic and queues. */
export class RegionalCache extends pulumi.ComponentResource {
  readonly region: Region;
  readonly network: RegionalNetwork;
  readonly cluster: CacheCluster;
  readonly balancer: ShimBalancer;
  readonly shims: ShimService;
  readonly monitoring: CacheMonitoring;
  /** Where this region's shims publish. */
  readonly topic: aws.sns.Topic;
  /** Where this region's shims receive what all regions publish. */
  readonly queue: aws.sqs.Queue;
  /** What this region's shims could not apply, and what its topic could not deliver to any region. */
  readonly deadLetterQueue: aws.sqs.Queue;
  /** `FLY_REDIS_CACHE_URL` of this region's applications, by user. The same in every region. */
  readonly environments: Readonly<Record<string, ApplicationEnvironment>>;
  /** The same for drivers that need typed replies; undefined unless `typedReplies` is asked for. */
  readonly typedEnvironments: Readonly<Record<string, ApplicationEnvironment>> | undefined;

  constructor(name: string, args: RegionalCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:RegionalCache", name, {}, opts);
    const { region, options, credentials } = args;
    const parent = { parent: this };
    const { typedReplies } = options;
    const certificateArn = options.certificateArns[region];

    this.region = region;
    this.network = new RegionalNetwork(`${name}-network`, { region, options }, parent);
    this.cluster = new CacheCluster(
      `${name}-cluster`,
      {
        region,
        options,
        subnetIds: this.network.subnetIds,
        securityGroupId: this.network.securityGroups.cluster.id,
      },
      parent,
    );

    this.topic = new aws.sns.Topic(`${name}-topic`, { region }, parent);
    // No KMS key: shims seal their envelopes, and SNS drops what a key's policy keeps it from encrypting.
    const queueArgs = {
      region,
      messageRetentionSeconds: maxRetentionSeconds,
      maxMessageSize: maxMessageBytes,
      sqsManagedSseEnabled: true,
    };
    this.deadLetterQueue = new aws.sqs.Queue(`${name}-dead-letters`, queueArgs, parent);
    this.queue = new aws.sqs.Queue(
      `${name}-queue`,
      {
        ...queueArgs,
        redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: this.deadLetterQueue.arn, maxReceiveCount }),
      },
      parent,
    );

    this.balancer = new ShimBalancer(
      `${name}-balancer`,
      { region, network: this.network, domainName: options.domainName, certificateArn, typedReplies },
      parent,
    );
    const scheme = certificateArn === undefined ? "redis" : "rediss";
    const users = Object.entries(credentials.clientPasswords);
    const urls = (role: string, port: number) =>
      users.map(([user, password]) => [
        roleOf(role, user),
        pulumi.interpolate`${scheme}://${user}:${password}@${options.domainName}:${port}`,
      ]);
    const secrets = new RegionalSecrets(
      `${name}-secrets`,
      {
        region,
        shimVariables: {
          [shimVariables.password]: credentials.mainUserPasswords,
          ...(credentials.users && { [shimVariables.users]: credentials.users }),
          [shimVariables.clusterUrl]: this.cluster.url,
          [shimVariables.envelopeKeys]: credentials.envelopeKeys,
        },
        cacheUrls: Object.fromEntries([
          ...urls("cache-url", ports.shim),
          ...(typedReplies ? urls("typed-cache-url", ports.typed) : []),
        ]),
      },
      parent,
    );
    const environments = (role: string) =>
      Object.fromEntries(
        users.flatMap(([user]) => {
          const environment = secrets.environments[roleOf(role, user)];
          return environment ? [[user, environment]] : [];
        }),
      );
    this.environments = environments("cache-url");
    this.typedEnvironments = typedReplies ? environments("typed-cache-url") : undefined;
    this.shims = new ShimService(
      `${name}-shims`,
      { region, network: this.network, balancer: this.balancer, secrets, bus: this, user: mainUser, options },
      parent,
    );
    this.monitoring = new CacheMonitoring(
      `${name}-monitoring`,
      { region, cluster: this.cluster, balancer: this.balancer, bus: this, options },
      parent,
    );

    this.registerOutputs({});
  }
}

/** What names of resources tell a user's part by. */
function roleOf(role: string, user: string): string {
  return user === mainUser ? role : `${role}-${user}`;
}
