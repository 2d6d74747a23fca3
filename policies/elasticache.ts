// Rules for ElastiCache. They judge inputs; one that a preview does not know yet makes Pulumi say that the rule could not
// run, and the update judges it.
import * as aws from "@pulumi/aws";
import {
  type ReportViolation,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";

/** A cache that keeps snapshots is one that somebody will take for a database. */
export const elasticacheNoSnapshots: ResourceValidationPolicy = {
  name: "elasticache-no-snapshots",
  description:
    "Prevents a cache from becoming a store: a region restored from a snapshot serves data that every region had " +
    "purged since, and taking one forks the server, which on a full node swaps or refuses writes.",
  enforcementLevel: "mandatory",
  severity: "high",
  remediationSteps: "Set snapshotRetentionLimit to 0 or leave it out, and leave finalSnapshotIdentifier out.",
  // One validation a property: what is unknown about one must not hide a fault of the other.
  validateResource: [
    validateResourceOfType(aws.elasticache.ReplicationGroup, demandNoRetention),
    validateResourceOfType(aws.elasticache.ReplicationGroup, demandNoFinalSnapshot),
    validateResourceOfType(aws.elasticache.Cluster, demandNoRetention),
    validateResourceOfType(aws.elasticache.Cluster, demandNoFinalSnapshot),
    validateResourceOfType(aws.elasticache.ServerlessCache, demandNoRetention),
  ],
};

function demandNoRetention(
  { snapshotRetentionLimit = 0 }: { readonly snapshotRetentionLimit?: number | undefined },
  { name }: ResourceValidationArgs,
  reportViolation: ReportViolation,
): void {
  if (snapshotRetentionLimit > 0) {
    reportViolation(
      `${name} keeps snapshots (snapshotRetentionLimit is ${snapshotRetentionLimit}). Set snapshotRetentionLimit to 0: ` +
        "nothing may depend on a cache's data staying.",
    );
  }
}

function demandNoFinalSnapshot(
  { finalSnapshotIdentifier }: { readonly finalSnapshotIdentifier?: string | undefined },
  { name }: ResourceValidationArgs,
  reportViolation: ReportViolation,
): void {
  if (finalSnapshotIdentifier) {
    reportViolation(
      `${name} leaves the snapshot "${finalSnapshotIdentifier}" behind when it is deleted. Remove ` +
        "finalSnapshotIdentifier: nothing may depend on a cache's data staying.",
    );
  }
}
