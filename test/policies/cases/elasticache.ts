// Cases of the rules for what caches keep and outlive.
import { samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";

const region = "eu-west-1";
const zones = { subnetIds: ["subnet-a", "subnet-b"] };

export const replicationGroup = samplesOf("aws:elasticache/replicationGroup:ReplicationGroup", "cache", {
  region,
  description: "A cache",
  engine: "valkey",
  nodeType: "cache.t4g.micro",
  parameterGroupName: "evicting",
  userGroupIds: ["users"],
  automaticFailoverEnabled: true,
  multiAzEnabled: true,
  transitEncryptionEnabled: true,
  atRestEncryptionEnabled: true,
  snapshotRetentionLimit: 0,
});

export const cluster = samplesOf("aws:elasticache/cluster:Cluster", "node", {
  region,
  engine: "redis",
  nodeType: "cache.t4g.micro",
  transitEncryptionEnabled: true,
});

export const serverlessCache = samplesOf("aws:elasticache/serverlessCache:ServerlessCache", "serverless", {
  region,
  engine: "valkey",
  userGroupId: "users",
});

const lru = { name: "maxmemory-policy", value: "allkeys-lru" };
const parameterGroup = samplesOf("aws:elasticache/parameterGroup:ParameterGroup", "parameters", {
  region,
  family: "valkey9",
  parameters: [lru],
});

const subnetGroup = samplesOf("aws:elasticache/subnetGroup:SubnetGroup", "subnets", { region, ...zones });

const keeps = "keeps snapshots (snapshotRetentionLimit is 7). Set it to 0.";
const leaves = 'leaves the snapshot "last" behind. Remove finalSnapshotIdentifier.';
const oneZone = "cache stays in one zone. Set automaticFailoverEnabled and multiAzEnabled, with a replica.";

export const elasticacheCases: Readonly<Record<string, Cases>> = {
  "elasticache-no-snapshots": {
    right: [replicationGroup(), cluster({ snapshotRetentionLimit: 0 }), serverlessCache({ snapshotRetentionLimit: 0 })],
    wrong: [
      [`cache ${keeps}`, replicationGroup({ snapshotRetentionLimit: 7 })],
      [`cache ${leaves}`, replicationGroup({ finalSnapshotIdentifier: "last" })],
      [`node ${keeps}`, cluster({ snapshotRetentionLimit: 7 })],
      [`node ${leaves}`, cluster({ finalSnapshotIdentifier: "last" })],
      [`serverless ${keeps}`, serverlessCache({ snapshotRetentionLimit: 7 })],
    ],
    absent: replicationGroup({ snapshotRetentionLimit: undefined }),
    notApplicable: { type: "aws:redshift/cluster:Cluster", name: "warehouse", inputs: { snapshotRetentionLimit: 7 } },
    unknown: replicationGroup({ snapshotRetentionLimit: unknown }),
  },
  "elasticache-no-append-only": {
    right: [
      parameterGroup({ parameters: [lru, { name: "appendonly", value: "no" }] }),
      replicationGroup({ durability: "disabled" }),
    ],
    wrong: [
      [
        'parameters turns the append-only file on. Remove the parameter "appendonly".',
        parameterGroup({ parameters: [lru, { name: "appendonly", value: "yes" }] }),
      ],
      ['cache writes a log (durability is "sync"). Leave durability out.', replicationGroup({ durability: "sync" })],
    ],
    absent: parameterGroup(),
    notApplicable: { type: "aws:memorydb/parameterGroup:ParameterGroup", name: "database", inputs: { parameters: [] } },
    unknown: replicationGroup({ durability: unknown }),
  },
  "elasticache-eviction": {
    configured: [
      [
        { policies: ["volatile-ttl"] },
        parameterGroup({ parameters: [{ name: "maxmemory-policy", value: "volatile-ttl" }] }),
      ],
    ],
    right: [parameterGroup(), parameterGroup({ parameters: [{ name: "maxmemory-policy", value: "allkeys-lfu" }] })],
    wrong: [
      [
        "parameters has noeviction for maxmemory-policy. Set it to allkeys-lru or allkeys-lfu.",
        parameterGroup({
          parameters: [
            { name: "timeout", value: "0" },
            { name: "maxmemory-policy", value: "noeviction" },
          ],
        }),
      ],
    ],
    absent: [
      "parameters has the default for maxmemory-policy. Set it to allkeys-lru or allkeys-lfu.",
      parameterGroup({ parameters: undefined }),
    ],
    notApplicable: parameterGroup({ family: "memcached1.6", parameters: [] }),
    unknown: parameterGroup({ parameters: [{ name: "maxmemory-policy", value: unknown }] }),
  },
  "elasticache-own-parameters": {
    right: [replicationGroup()],
    wrong: [
      [
        "cache has AWS's default parameters. Give it a parameter group of its own.",
        replicationGroup({ parameterGroupName: "default.valkey9" }),
      ],
    ],
    absent: [
      "cache has AWS's default parameters. Give it a parameter group of its own.",
      replicationGroup({ parameterGroupName: undefined }),
    ],
    notApplicable: replicationGroup({ parameterGroupName: undefined, globalReplicationGroupId: "worldwide" }),
    unknown: replicationGroup({ parameterGroupName: unknown }),
  },
  "elasticache-zones": {
    configured: [[{ production: "^live$" }, replicationGroup({ multiAzEnabled: false })]],
    right: [replicationGroup(), subnetGroup()],
    wrong: [
      [oneZone, replicationGroup({ multiAzEnabled: false })],
      [oneZone, replicationGroup({ automaticFailoverEnabled: false })],
      ["subnets has one subnet. Give it subnets in two zones or more.", subnetGroup({ subnetIds: ["subnet-a"] })],
    ],
    absent: [oneZone, replicationGroup({ multiAzEnabled: undefined, automaticFailoverEnabled: undefined })],
    notApplicable: { ...replicationGroup({ multiAzEnabled: false }), stack: "dev" },
    unknown: replicationGroup({ multiAzEnabled: unknown }),
  },
  "elasticache-node-types": {
    configured: [[{ pattern: "r7g" }, replicationGroup({ nodeType: "cache.r7g.16xlarge" })]],
    right: [replicationGroup({ nodeType: "cache.r7g.2xlarge" }), cluster()],
    wrong: [
      [
        "cache has the node type cache.r7g.16xlarge, which is not an allowed one.",
        replicationGroup({ nodeType: "cache.r7g.16xlarge" }),
      ],
      [
        "node has the node type cache.m3.medium, which is not an allowed one.",
        cluster({ nodeType: "cache.m3.medium" }),
      ],
    ],
    absent: replicationGroup({ nodeType: undefined, globalReplicationGroupId: "worldwide" }),
    notApplicable: { type: "aws:memorydb/cluster:Cluster", name: "database", inputs: { nodeType: "db.r7g.16xlarge" } },
    unknown: replicationGroup({ nodeType: unknown }),
  },
};
