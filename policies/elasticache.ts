// Rules for ElastiCache: caches forget, evict, and outlive a zone.
import * as aws from "@pulumi/aws";
import {
  type ReportViolation,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { type Demand, demanding } from "./judgement";
import { isProduction, productionSchema } from "./production";

const { Cluster, ParameterGroup, ReplicationGroup, ServerlessCache, SubnetGroup } = aws.elasticache;

interface Snapshots {
  snapshotRetentionLimit?: number;
  finalSnapshotIdentifier?: string;
}

const noRetention: Demand<Snapshots> = (cache, { name }, report) => {
  const { snapshotRetentionLimit = 0 } = cache;
  if (snapshotRetentionLimit === 0) return undefined;
  report(`${name} keeps snapshots (snapshotRetentionLimit is ${snapshotRetentionLimit}). Set it to 0.`);
  cache.snapshotRetentionLimit = 0;
  return cache;
};

const noFinalSnapshot: Demand<Snapshots> = (cache, { name }, report) => {
  if (!cache.finalSnapshotIdentifier) return undefined;
  report(`${name} leaves the snapshot "${cache.finalSnapshotIdentifier}" behind. Remove finalSnapshotIdentifier.`);
  delete cache.finalSnapshotIdentifier;
  return cache;
};

/** A cache that keeps snapshots is one that somebody will take for a database. */
export const elasticacheNoSnapshots: ResourceValidationPolicy = {
  name: "elasticache-no-snapshots",
  description:
    "Prevents a cache from becoming a store: a region restored from a snapshot serves data that every region had " +
    "purged since, and taking one forks the server, which on a full node swaps or refuses writes.",
  severity: "high",
  remediationSteps: "Set snapshotRetentionLimit to 0 or leave it out, and leave finalSnapshotIdentifier out.",
  ...demanding([ReplicationGroup, Cluster, ServerlessCache], noRetention, noFinalSnapshot),
};

/** An append-only file is a snapshot by another name. */
export const elasticacheNoAppendOnly: ResourceValidationPolicy = {
  name: "elasticache-no-append-only",
  description:
    "Prevents a restarted node from replaying a log of data that every region had purged since, and writes from " +
    "waiting for a disk.",
  severity: "high",
  remediationSteps: 'Remove the parameter "appendonly", and leave durability out or set it to "disabled".',
  validateResource: [
    validateResourceOfType(ParameterGroup, ({ parameters = [] }, { name: group }, report) => {
      if (parameters.some(({ name, value }) => name === "appendonly" && value !== "no")) {
        report(`${group} turns the append-only file on. Remove the parameter "appendonly".`);
      }
    }),
    validateResourceOfType(ReplicationGroup, ({ durability }, { name }, report) => {
      if (durability === "sync" || durability === "async") {
        report(`${name} writes a log (durability is "${durability}"). Leave durability out.`);
      }
    }),
  ],
};

interface Parameters {
  family: string;
  parameters?: { name: string; value: string }[];
}

const eviction: Demand<Parameters> = (group, { name, getConfig }, report) => {
  const { policies } = getConfig<{ policies: [string, ...string[]] }>();
  const { family, parameters = [] } = group;
  const policy = parameters.find((parameter) => parameter.name === "maxmemory-policy")?.value;
  if (family.startsWith("memcached") || (policy && policies.includes(policy))) return undefined;
  report(`${name} has ${policy ?? "the default"} for maxmemory-policy. Set it to ${policies.join(" or ")}.`);
  // A copy, because the proxy that remediation gets for a list cannot be filtered.
  const others = [...parameters].filter((parameter) => parameter.name !== "maxmemory-policy");
  group.parameters = [...others, { name: "maxmemory-policy", value: policies[0] }];
  return group;
};

/** What is full must make room. */
export const elasticacheEviction: ResourceValidationPolicy = {
  name: "elasticache-eviction",
  description:
    "Prevents a full cache from refusing writes: by default it evicts only keys that expire, keeps all others for ever, " +
    "and answers OOM to whatever is pushed to its region.",
  severity: "high",
  remediationSteps: "Set the parameter maxmemory-policy to an allowed policy.",
  configSchema: {
    properties: {
      policies: {
        type: "array",
        items: { type: "string" },
        minItems: 1,
        description: "Allowed eviction policies; remediation sets the first.",
        default: ["allkeys-lru", "allkeys-lfu"],
      },
    },
  },
  ...demanding([ParameterGroup], eviction),
};

/** A default parameter group cannot be changed, and does not evict what has no expiry. */
export const elasticacheOwnParameters: ResourceValidationPolicy = {
  name: "elasticache-own-parameters",
  description:
    "Prevents a cluster from running with AWS's default parameters, under which a full cache refuses writes.",
  severity: "medium",
  remediationSteps: "Make a parameter group and name it in parameterGroupName.",
  validateResource: validateResourceOfType(
    ReplicationGroup,
    ({ globalReplicationGroupId, parameterGroupName = "default" }, { name }, report) => {
      // A member of a global datastore has the parameters of its primary.
      if (globalReplicationGroupId === undefined && /^default(\.|$)/.test(parameterGroupName)) {
        report(`${name} has AWS's default parameters. Give it a parameter group of its own.`);
      }
    },
  ),
};

/** A node fails, a zone fails: the other one goes on. */
export const elasticacheZones: ResourceValidationPolicy = {
  name: "elasticache-zones",
  description:
    "Prevents the loss of one zone from emptying a region's cache and sending all of its readers to the database at once.",
  severity: "high",
  remediationSteps: "Have a replica, automaticFailoverEnabled and multiAzEnabled, and subnets in two zones or more.",
  configSchema: productionSchema,
  validateResource: [
    validateResourceOfType(ReplicationGroup, ({ automaticFailoverEnabled, multiAzEnabled }, args, report) => {
      if (isProduction(args) && !(automaticFailoverEnabled && multiAzEnabled)) {
        report(`${args.name} stays in one zone. Set automaticFailoverEnabled and multiAzEnabled, with a replica.`);
      }
    }),
    validateResourceOfType(SubnetGroup, ({ subnetIds }, args, report) => {
      if (isProduction(args) && subnetIds.length < 2) {
        report(`${args.name} has one subnet. Give it subnets in two zones or more.`);
      }
    }),
  ],
};

/** What a node type costs is decided by a word in a stack file. */
export const elasticacheNodeTypes: ResourceValidationPolicy = {
  name: "elasticache-node-types",
  description:
    "Prevents a slip in a stack file from costing thousands a month in every region, and nodes of generations that AWS " +
    "no longer has everywhere.",
  severity: "medium",
  remediationSteps: "Choose an allowed node type, or have another one allowed in the pack's configuration.",
  configSchema: {
    properties: {
      pattern: {
        type: "string",
        description: "Regular expression of allowed node types.",
        default: "^cache\\.(t4g|m[67]g|r[67]g)\\.(micro|small|medium|large|xlarge|2xlarge)$",
      },
    },
  },
  validateResource: [
    validateResourceOfType(ReplicationGroup, allowNodeType),
    validateResourceOfType(Cluster, allowNodeType),
  ],
};

function allowNodeType(
  { nodeType }: { readonly nodeType?: string | undefined },
  { name, getConfig }: ResourceValidationArgs,
  report: ReportViolation,
): void {
  const { pattern } = getConfig<{ pattern: string }>();
  if (nodeType !== undefined && !new RegExp(pattern).test(nodeType)) {
    report(`${name} has the node type ${nodeType}, which is not an allowed one.`);
  }
}
