// A region's cluster: memory only, encrypted, evicting. It is a cache; losing it must cost nothing but time.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { clusterPort } from "./regionalNetwork";
import type { Region } from "./regions";

export interface CacheClusterArgs {
  /** Region of the cluster. */
  readonly region: Region;
  /** ElastiCache node type, such as `cache.t4g.micro`. */
  readonly nodeType: pulumi.Input<string>;
  /** Replicas beside the primary, 0 to 5; with one or more, a failover to another zone is automatic. */
  readonly replicas: number;
  /** Subnets, in as many zones as the cluster shall spread over. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Security group that decides who may connect. */
  readonly securityGroupId: pulumi.Input<string>;
}

/** A Valkey replication group of one shard. */
export class CacheCluster extends pulumi.ComponentResource {
  /** Where shims connect: a `rediss://` URL of the primary, whose name moves with a failover. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: CacheClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:CacheCluster", name, {}, opts);
    const { region, replicas } = args;
    const parent = { parent: this };

    const subnetGroup = new aws.elasticache.SubnetGroup(
      `${name}-subnets`,
      { region, subnetIds: [...args.subnetIds], description: "Redis on Fly: the cluster's subnets" },
      parent,
    );
    // The default group's `volatile-lru` keeps keys without an expiry for ever, and then refuses writes.
    const parameterGroup = new aws.elasticache.ParameterGroup(
      `${name}-parameters`,
      {
        region,
        family: "valkey9",
        description: "Redis on Fly: evict whatever was used least recently",
        parameters: [{ name: "maxmemory-policy", value: "allkeys-lru" }],
      },
      parent,
    );
    const group = new aws.elasticache.ReplicationGroup(
      `${name}-group`,
      {
        region,
        description: "Redis on Fly: a volatile cache",
        engine: "valkey",
        engineVersion: "9.1",
        // A minor version that AWS chose would read as drift here, and going back means a new cluster.
        autoMinorVersionUpgrade: false,
        nodeType: args.nodeType,
        port: clusterPort,
        parameterGroupName: parameterGroup.name,
        subnetGroupName: subnetGroup.name,
        securityGroupIds: [args.securityGroupId],
        numCacheClusters: 1 + replicas,
        automaticFailoverEnabled: replicas > 0,
        multiAzEnabled: replicas > 0,
        transitEncryptionEnabled: true,
        atRestEncryptionEnabled: true,
        snapshotRetentionLimit: 0,
        // Changes wait for the maintenance window otherwise, and every preview until then shows them again.
        applyImmediately: true,
      },
      parent,
    );

    this.url = pulumi.interpolate`rediss://${group.primaryEndpointAddress}:${clusterPort}`;
    this.registerOutputs({ url: this.url });
  }
}
