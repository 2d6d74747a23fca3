// The whole of Redis on Fly: a cache in every region, and the mesh that joins them.
import * as pulumi from "@pulumi/pulumi";
import { RegionalCache } from "./regionalCache";
import type { Region } from "./regions";
import { ReplicationMesh } from "./replicationMesh";

export interface GlobalCacheArgs {
  /** Regions that the cache spans; one or more, each once. */
  readonly regions: readonly Region[];
  /** ElastiCache node type of every cluster, such as `cache.t4g.micro`. */
  readonly nodeType: pulumi.Input<string>;
  /** Replicas beside each cluster's primary, 0 to 5; with one or more, a failover to another zone is automatic. */
  readonly replicas: number;
}

/** A cache that spans regions. */
export class GlobalCache extends pulumi.ComponentResource {
  /** In the order of the arguments. */
  readonly regionalCaches: readonly RegionalCache[];

  constructor(name: string, args: GlobalCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:GlobalCache", name, {}, opts);
    const { regions, nodeType, replicas } = args;
    const parent = { parent: this };

    this.regionalCaches = regions.map(
      (region) => new RegionalCache(`${name}-${region}`, { region, nodeType, replicas }, parent),
    );
    new ReplicationMesh(`${name}-mesh`, { ends: this.regionalCaches }, parent);

    this.registerOutputs({});
  }
}
