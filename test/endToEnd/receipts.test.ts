// WAIT on database 1, on a bus that repeats and reorders.
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric, Region } from "../../local/fabric";
import { noFaults } from "../../local/wires";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";

describeWithServer("WAIT on database 1", () => {
  let fabric: Fabric;
  let regions: [Region, Region, Region];
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({
      shims: 2,
      faults: { ...noFaults, delay: 0, duplicate: 0.3, reorder: 0.1 },
      launch: (environment) => launchInProcess({ ...environment, FLY_REDIS_CANARY_INTERVAL_MS: "100" }),
    });
    regions = fabric.regions as typeof regions;
    // Until canaries have come nobody knows of other regions.
    for (const shim of regions[0].shims) {
      const client = await RawClient.connect(fabric.url(regions[0], shim));
      await client.call("SELECT", "1");
      await eventually(async () => expect(await client.call("WAIT", "2", "3000")).toBe(":2\r\n"));
      await client.call("SET", "ready", "v");
      await eventually(async () => expect(await client.call("WAIT", "2", "3000")).toBe(":2\r\n"));
      client.close();
    }
  });
  afterAll(() => fabric?.stop());
  afterEach(() => {
    fabric.emulator.heal();
    for (const client of clients.splice(0)) client.close();
  });

  async function open(region: Region, shim: 0 | 1 = 0, database: 0 | 1 = 0): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region, region.shims[shim]));
    if (database === 1) expect(await client.call("SELECT", "1")).toBe(OK);
    clients.push(client);
    return client;
  }

  test("answers once the other regions have replayed all that the connection sent", async () => {
    const readers = [await open(regions[1], 1), await open(regions[2])];
    for (const round of [1, 2]) {
      const writer = await open(regions[0], (round % 2) as 0 | 1, 1);
      const names = Array.from({ length: 100 }, (_, index) => `r${round}:${index}`);
      writer.send(...names.map((name) => ["SET", name, "v"]));
      await writer.take(100);
      writer.send(["INCR", `n${round}`], ["WAIT", "2", "9000"], ["PING"]);
      expect(await writer.take(3)).toEqual([OK, ":2\r\n", "+PONG\r\n"]);
      for (const reader of readers) expect(await reader.call("EXISTS", ...names, `n${round}`)).toBe(":101\r\n");
      // All of it is replayed: nobody is asked.
      expect(await writer.call("WAIT", "2", "1")).toBe(":2\r\n");
    }
  });

  test("tells how many there are when the time is over, and goes on where a region comes back", async () => {
    const writer = await open(regions[0], 0, 1);
    fabric.emulator.cut(regions[0].name, regions[2].name);
    await writer.call("SET", "cut", "v");
    expect(await writer.call("WAIT", "1", "9000")).toBe(":1\r\n");
    expect(await writer.call("WAIT", "2", "3000")).toBe(":1\r\n");
    fabric.emulator.heal();
    expect(await writer.call("WAIT", "2", "9000")).toBe(":2\r\n");
    expect(await (await open(regions[2])).call("EXISTS", "cut")).toBe(":1\r\n");
  });

  test("takes arguments as Redis does, and is refused on database 0", async () => {
    const client = await open(regions[0], 0, 1);
    client.send(
      ["WAIT", "1"],
      ["WAIT", "x", "1"],
      ["WAIT", "1", "x"],
      ["WAIT", "1", "-1"],
      ["SELECT", "0"],
      ["WAIT", "1", "1"],
    );
    expect(await client.take(6)).toEqual([
      "-ERR wrong number of arguments for 'wait' command\r\n",
      "-ERR value is not an integer or out of range\r\n",
      "-ERR timeout is not an integer or out of range\r\n",
      "-ERR timeout is negative\r\n",
      OK,
      expect.stringMatching(/^-ERR unknown command 'WAIT'/),
    ]);
  });
});
