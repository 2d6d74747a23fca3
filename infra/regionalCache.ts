// What one region has of its own. It knows of no other region: the mesh joins them.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { shimVariables } from "../shim/contract";
import { CacheCluster } from "./cacheCluster";
import { RegionalNetwork } from "./regionalNetwork";
import type { Region } from "./regions";

/** SQS keeps nothing longer: 14 days. */
const maxRetentionSeconds = 1_209_600;

// Shims send what they cannot open or apply to the dead-letter queue themselves. SQS counts receives, not faults, and
// receives add up while a shim restarts: this is the highest count it takes.
const maxReceiveCount = 1000;

export interface RegionalCacheArgs {
  /** Region of everything here. */
  readonly region: Region;
  /** ElastiCache node type, such as `cache.t4g.micro`. */
  readonly nodeType: pulumi.Input<string>;
  /** Replicas beside the cluster's primary, 0 to 5; with one or more, a failover to another zone is automatic. */
  readonly replicas: number;
}

/** A region's network, cluster, topic and queues. */
export class RegionalCache extends pulumi.ComponentResource {
  readonly region: Region;
  readonly network: RegionalNetwork;
  readonly cluster: CacheCluster;
  /** Where this region's shims publish. */
  readonly topic: aws.sns.Topic;
  /** Where this region's shims receive what all regions publish. */
  readonly queue: aws.sqs.Queue;
  /** What this region's shims could not apply, and what its topic could not deliver to any region. */
  readonly deadLetterQueue: aws.sqs.Queue;
  /** Environment variables that tie a shim to this region. */
  readonly shimEnvironment: Readonly<Record<string, pulumi.Output<string>>>;

  constructor(name: string, args: RegionalCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:RegionalCache", name, {}, opts);
    const { region, nodeType, replicas } = args;
    const parent = { parent: this };

    this.region = region;
    this.network = new RegionalNetwork(`${name}-network`, { region }, parent);
    this.cluster = new CacheCluster(
      `${name}-cluster`,
      {
        region,
        nodeType,
        replicas,
        subnetIds: this.network.subnetIds,
        securityGroupId: this.network.clusterSecurityGroup.id,
      },
      parent,
    );

    this.topic = new aws.sns.Topic(`${name}-topic`, { region }, parent);
    // No KMS key: shims seal their envelopes, and SNS drops what a key's policy keeps it from encrypting.
    const queueArgs = { region, messageRetentionSeconds: maxRetentionSeconds, sqsManagedSseEnabled: true };
    this.deadLetterQueue = new aws.sqs.Queue(`${name}-dead-letters`, queueArgs, parent);
    this.queue = new aws.sqs.Queue(
      `${name}-queue`,
      {
        ...queueArgs,
        redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: this.deadLetterQueue.arn, maxReceiveCount }),
      },
      parent,
    );

    this.shimEnvironment = {
      [shimVariables.region]: pulumi.output(region),
      [shimVariables.clusterUrl]: this.cluster.url,
      [shimVariables.topicArn]: this.topic.arn,
      [shimVariables.queueUrl]: this.queue.url,
      [shimVariables.deadLetterQueueUrl]: this.deadLetterQueue.url,
    };
    this.registerOutputs({ shimEnvironment: this.shimEnvironment });
  }
}
