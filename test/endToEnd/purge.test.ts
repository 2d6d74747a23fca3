// FLY.PURGE as clients see it.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Fabric, Region } from "../../local/fabric";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";

describeWithServer("FLY.PURGE", () => {
  let fabric: Fabric;

  beforeAll(async () => {
    const users = JSON.stringify([{ name: "worker", passwords: ["worker-password-1"], flushall: false }]);
    fabric = await startFabric({
      regions: ["us-east-1", "eu-west-1"],
      launch: (environment) =>
        launchInProcess({ ...environment, FLY_REDIS_CANARY_INTERVAL_MS: "100", FLY_REDIS_USERS: users }),
    });
  });
  afterAll(() => fabric?.stop());

  test("deletes the keys that match in every region, and tells how many", async () => {
    const [here, there] = fabric.regions as [Region, Region];
    const [writer, reader] = [await RawClient.connect(fabric.url(here)), await RawClient.connect(fabric.url(there))];
    const local = await RawClient.connect(fabric.url(here));
    const pairs = Array.from({ length: 1000 }, (_, index) => [`user:${index}`, "v"]).flat();
    await writer.call("SELECT", "1");
    await writer.call("MSET", ...pairs, "other", "v");
    // What the purge overtakes is undone as it comes, and not counted.
    for (const client of [reader, local])
      await eventually(async () => expect(await client.call("EXISTS", "other")).toBe(":1\r\n"));
    await reader.call("MSET", "user:a", "v", "user:b", "v");
    await eventually(async () => expect(await writer.call("fly.purge", "user:*")).toBe(OK));
    await eventually(async () => expect(await reader.call("KEYS", "*")).toBe("*1\r\n$5\r\nother\r\n"));
    await eventually(async () =>
      expect(await reader.call("INFO", "fly")).toMatch(
        /purge_[0-9a-f]{24}:pattern=user%3A\*,(us-east-1=1000,eu-west-1=1002|eu-west-1=1002,us-east-1=1000)\r\n/,
      ),
    );
    expect(await writer.call("FLY.PURGE")).toBe("-ERR wrong number of arguments for 'fly.purge' command\r\n");
    expect(await reader.call("FLY.PURGE", "*")).toMatch(/^-ERR unknown command 'FLY.PURGE'/);
    await writer.call("AUTH", "worker", "worker-password-1");
    expect(await writer.call("FLY.PURGE", "*")).toMatch(/^-NOPERM User worker has no permissions/);
    for (const client of [writer, reader, local]) client.close();
  });
});
