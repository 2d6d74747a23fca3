// A region's cluster: memory only, encrypted, evicting, with one user. It is a cache; losing it must cost nothing but time.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { CacheOptions } from "./cacheOptions";
import { clusterAccess, clusterUser } from "./clusterAccess";
import { ports } from "./networkRules";
import { type Region, supportedRegions } from "./regions";

export interface CacheClusterArgs {
  /** Region of the cluster. */
  readonly region: Region;
  /** Subnets, in as many zones as the cluster shall spread over. */
  readonly subnetIds: readonly pulumi.Input<string>[];
  /** Security group that decides who may connect. */
  readonly securityGroupId: pulumi.Input<string>;
  readonly options: Pick<
    CacheOptions,
    "nodeType" | "replicas" | "maintenanceDay" | "clusterPasswordIds" | "logRetentionDays"
  >;
}

/** A Valkey replication group of one shard. */
export class CacheCluster extends pulumi.ComponentResource {
  /** Where shims connect: a `rediss://` URL of the primary, whose name moves with a failover; secret. */
  readonly url: pulumi.Output<string>;
  /** The nodes' names, for their metrics. */
  readonly nodeIds: readonly pulumi.Output<string>[];

  constructor(name: string, args: CacheClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:CacheCluster", name, {}, opts);
    const { region, options } = args;
    const { replicas } = options;
    const parent = { parent: this };

    // The user. ElastiCache takes two passwords, so that shims can change from one to the next without a gap.
    const passwords = options.clusterPasswordIds.map(
      (id) => new random.RandomPassword(`${name}-password-${id}`, { length: 32, special: false }, parent).result,
    );
    // Users and groups are named by their maker, once an account and region.
    const userId = new random.RandomId(`${name}-user-id`, { byteLength: 4, prefix: "fly-" }, parent).hex;
    const user = new aws.elasticache.User(
      `${name}-user`,
      {
        region,
        engine: "valkey",
        userId,
        userName: clusterUser,
        accessString: clusterAccess,
        authenticationMode: { type: "password", passwords },
      },
      parent,
    );
    const userGroup = new aws.elasticache.UserGroup(
      `${name}-users`,
      { region, engine: "valkey", userGroupId: userId, userIds: [user.userId] },
      parent,
    );

    // The server
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
    const slowLog = new aws.cloudwatch.LogGroup(
      `${name}-slow-log`,
      { region, retentionInDays: options.logRetentionDays },
      parent,
    );
    const group = new aws.elasticache.ReplicationGroup(
      name,
      {
        region,
        description: "Redis on Fly: a volatile cache",
        engine: "valkey",
        engineVersion: "9.1",
        // A minor version that AWS chose would read as drift here, and going back means a new cluster.
        autoMinorVersionUpgrade: false,
        nodeType: options.nodeType,
        port: ports.cluster,
        parameterGroupName: parameterGroup.name,
        subnetGroupName: subnetGroup.name,
        securityGroupIds: [args.securityGroupId],
        userGroupIds: [userGroup.userGroupId],
        numCacheClusters: 1 + replicas,
        automaticFailoverEnabled: replicas > 0,
        multiAzEnabled: replicas > 0,
        transitEncryptionEnabled: true,
        transitEncryptionMode: "required",
        atRestEncryptionEnabled: true,
        snapshotRetentionLimit: 0,
        maintenanceWindow: maintenanceWindow(options.maintenanceDay, region),
        logDeliveryConfigurations: [
          { logType: "slow-log", logFormat: "json", destinationType: "cloudwatch-logs", destination: slowLog.name },
        ],
        // Changes wait for the maintenance window otherwise, and every preview until then shows them again.
        applyImmediately: true,
      },
      // ElastiCache allows 40 characters, of which Pulumi takes eight: the name is the component's own.
      { ...parent, aliases: [{ name: `${name}-group` }] },
    );

    this.url = pulumi.interpolate`rediss://${clusterUser}:${passwords[0]}@${group.primaryEndpointAddress}:${ports.cluster}`;
    this.nodeIds = Array.from({ length: 1 + replicas }, (_, index) => pulumi.interpolate`${group.id}-00${index + 1}`);
    this.registerOutputs({ url: this.url });
  }
}

/** An hour (UTC) for each region, so that no two are maintained at once. */
function maintenanceWindow(day: CacheOptions["maintenanceDay"], region: Region): string {
  const hour = (offset: number) => String(supportedRegions.indexOf(region) + offset).padStart(2, "0");
  return `${day}:${hour(0)}:00-${day}:${hour(1)}:00`;
}
