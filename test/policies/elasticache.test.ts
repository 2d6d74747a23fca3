// Each rule in the running pack, by cases: absent, wrong, right, not applicable, unknown.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { unknownValue } from "@pulumi/pulumi/runtime/rpc";
import { PackServer } from "../support/engine/packServer";

const group = "aws:elasticache/replicationGroup:ReplicationGroup";
const cluster = "aws:elasticache/cluster:Cluster";
const serverless = "aws:elasticache/serverlessCache:ServerlessCache";

let pack: PackServer;

beforeAll(async () => {
  pack = await PackServer.start();
});

afterAll(() => pack.stop());

describe("elasticache-no-snapshots", () => {
  const judge = (type: string, inputs: Record<string, string | number>) =>
    pack.judge("elasticache-no-snapshots", type, "cache", inputs);

  test.each([group, cluster, serverless])("passes %s that says nothing of snapshots, or zero", async (type) => {
    const passed = { violations: [], undecided: [] };
    expect(await judge(type, {})).toEqual(passed);
    expect(await judge(type, { snapshotRetentionLimit: 0 })).toEqual(passed);
  });

  test.each([group, cluster, serverless])("reports %s that keeps snapshots, and the remedy", async (type) => {
    const { violations } = await judge(type, { snapshotRetentionLimit: 7 });
    expect(violations).toEqual([
      expect.stringMatching(
        /\ncache keeps snapshots \(snapshotRetentionLimit is 7\)\. Set snapshotRetentionLimit to 0/,
      ),
    ]);
  });

  test.each([group, cluster])("reports %s that leaves a snapshot behind, and the remedy", async (type) => {
    const { violations } = await judge(type, { finalSnapshotIdentifier: "last" });
    expect(violations).toEqual([
      expect.stringMatching(/\ncache leaves the snapshot "last" .* Remove finalSnapshotIdentifier/),
    ]);
  });

  test("has nothing to say of other resources", async () => {
    const inputs = { snapshotRetentionLimit: 7, finalSnapshotIdentifier: "last" };
    expect(await judge("aws:redshift/cluster:Cluster", inputs)).toEqual({ violations: [], undecided: [] });
  });

  test("neither passes nor reports what is unknown, and still reports what is known", async () => {
    const inputs = { snapshotRetentionLimit: unknownValue, finalSnapshotIdentifier: "last" };
    expect(await judge(group, inputs)).toEqual({
      violations: [expect.stringContaining("leaves the snapshot")],
      undecided: [expect.stringContaining("snapshotRetentionLimit can't be known during preview")],
    });
  });
});
