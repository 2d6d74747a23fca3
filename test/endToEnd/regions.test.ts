// What regions promise each other, on a bus that cuts, holds back and repeats.
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric, Region } from "../../local/fabric";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const NIL = "$-1\r\n";
const OK = "+OK\r\n";

describeWithServer("three regions with two shims each", () => {
  let fabric: Fabric;
  let regions: [Region, Region, Region];
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({ shims: 2 });
    regions = fabric.regions as [Region, Region, Region];
  });
  afterAll(() => fabric?.stop());
  afterEach(() => {
    fabric.emulator.heal();
    for (const client of clients.splice(0)) client.close();
  });

  /** A client of a region's first or second shim. */
  async function open(region: Region, shim: 0 | 1 = 0, database: 0 | 1 = 0): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region, region.shims[shim]));
    if (database === 1) expect(await client.call("SELECT", "1")).toBe(OK);
    clients.push(client);
    return client;
  }

  /** Of what a region's server has replayed; texts of one length, in their order. */
  async function newestStamp({ server }: Region): Promise<string> {
    const client = await RawClient.connect(server.url);
    clients.push(client);
    client.send(["SELECT", "1"], ["HGET", "m", "newest"]);
    const [, stamp = ""] = await client.take(2);
    return stamp;
  }

  test("a session's own write on database 1 is visible to its next read on database 0", async () => {
    const client = await open(regions[0]);
    const rounds = 50;
    client.send(
      ...Array.from({ length: rounds }, (_, round) => [
        ["SELECT", "1"],
        ["SET", "own", `value ${round}`],
        ["SELECT", "0"],
        ["GET", "own"],
      ]).flat(),
    );
    const replies = await client.take(rounds * 4);
    expect(replies.filter((_, at) => at % 4 === 3)).toEqual(
      Array.from({ length: rounds }, (_, round) => bulk(`value ${round}`)),
    );
  });

  test("a write on database 1 does not overtake the session's own write on database 0", async () => {
    const client = await open(regions[0]);
    const rounds = 50;
    client.send(
      ...Array.from({ length: rounds }, () => [
        ["SELECT", "0"],
        ["SET", "order", "x".repeat(70_000)],
        ["SELECT", "1"],
        ["SET", "order", "pushed"],
        ["SELECT", "0"],
        ["GET", "order"],
      ]).flat(),
    );
    const replies = await client.take(rounds * 6);
    expect(replies.filter((_, at) => at % 6 === 5)).toEqual(Array.from({ length: rounds }, () => bulk("pushed")));
  });

  test("an older SET that comes late changes nothing", async () => {
    const [here, there] = regions;
    const early = await open(here, 0, 1);
    const late = await open(there, 1, 1);
    const reader = await open(there, 0);
    fabric.emulator.cut(here.name, there.name);
    expect(await early.call("SET", "late", "older")).toBe(OK);
    const home = await open(here, 1);
    await eventually(async () => expect(await home.call("GET", "late")).toBe(bulk("older")));
    const olderStamp = await newestStamp(here);
    // Regions' clocks are some milliseconds apart on a busy machine.
    await eventually(async () => {
      expect(await late.call("SET", "late", "newer")).toBe(OK);
      expect((await newestStamp(there)) > olderStamp).toBe(true);
    });
    fabric.emulator.heal();
    // The cut wires carried this one behind the older SET.
    await early.call("SET", "behind", "it");
    await eventually(async () => expect(await reader.call("GET", "behind")).toBe(bulk("it")));
    await eventually(async () => {
      for (const region of regions) {
        expect(await (await open(region)).call("GET", "late")).toBe(bulk("newer"));
      }
    });
  });

  test("purges and pushes from any shim reach the other shim's clients and every region", async () => {
    const writer = await open(regions[1], 1, 1);
    writer.send(["MSET", "a", "1", "b", "2"], ["DEL", "a", "missing"], ["GET", "a"], ["SET", "c", "3", "EX", "1000"]);
    expect(await writer.take(4)).toEqual([OK, OK, OK, OK]);
    for (const region of regions) {
      const reader = await open(region);
      await eventually(async () => {
        expect(await reader.call("MGET", "a", "b", "c")).toBe(`*3\r\n${NIL}${bulk("2")}${bulk("3")}`);
        expect(await reader.call("TTL", "c")).toMatch(/^:(999|1000)\r\n$/);
      });
    }
    await writer.call("FLUSHALL");
    for (const region of regions) {
      const reader = await open(region);
      await eventually(async () => expect(await reader.call("KEYS", "*")).toBe("*0\r\n"));
    }
  });

  test("FLUSHALL on database 0 empties its own region alone", async () => {
    const [first, second] = regions;
    const writer = await open(first, 0, 1);
    const [here, there] = [await open(first), await open(second)];
    await writer.call("SET", "kept", "there");
    await eventually(async () => expect(await there.call("GET", "kept")).toBe(bulk("there")));
    expect(await here.call("FLUSHALL")).toBe(OK);
    expect(await here.call("GET", "kept")).toBe(NIL);
    expect(await there.call("GET", "kept")).toBe(bulk("there"));
  });

  test("database 1 names what is wrong with a command as Redis does", async () => {
    const client = await open(regions[0], 0, 1);
    client.send(
      ["NOSUCH", "a", "b"],
      ["GET"],
      ["SET", "k"],
      ["xgroup", "nosuch", "k"],
      ["XGROUP", "CREATE", "k"],
      ["SET", "k", "v", "EX", "abc"],
      ["SELECT", "2"],
      ["COPY", "a", "b", "DB", "1"],
      ["GET", "k"],
    );
    expect(await client.take(9)).toEqual([
      "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n",
      "-ERR wrong number of arguments for 'get' command\r\n",
      "-ERR wrong number of arguments for 'set' command\r\n",
      "-ERR unknown subcommand 'nosuch'. Try XGROUP HELP.\r\n",
      "-ERR wrong number of arguments for 'xgroup|create' command\r\n",
      "-ERR value is not an integer or out of range\r\n",
      "-ERR DB index is out of range\r\n",
      expect.stringMatching(/^(\+OK|-ERR)/),
      OK,
    ]);
  });

  test("INFO tells of the shim and nothing of addresses", async () => {
    const client = await open(regions[2], 1);
    const info = await client.call("INFO");
    expect(info).toContain("loading:0\r\n");
    expect(info).toContain("role:master\r\n");
    expect(info).toContain("# Fly\r\nregion:ap-northeast-1\r\n");
    expect(info).not.toMatch(/127\.0\.0\.1|tcp_port|executable|config_file|db1/);
    expect(await client.call("INFO", "fly")).toMatch(/^\$\d+\r\n# Fly\r\n/);
    expect(await client.call("INFO", "memory")).not.toContain("# Fly");
  });
});

describeWithServer("a bus that repeats everything", () => {
  test("a duplicated DEL leaves alone what database 0 wrote after it", async () => {
    const fabric = await startFabric({
      regions: ["us-east-1", "eu-west-1"],
      faults: { delay: 0, drop: 0, duplicate: 1, reorder: 0, seed: 7 },
    });
    try {
      const [here, there] = fabric.regions as [Region, Region];
      const writer = await RawClient.connect(fabric.url(here));
      const local = await RawClient.connect(fabric.url(there));
      await local.call("SET", "k", "before");
      await writer.call("SELECT", "1");
      await writer.call("DEL", "k");
      await eventually(async () => expect(await local.call("GET", "k")).toBe(NIL));
      await local.call("SET", "k", "after");
      // Every delivery comes twice; when the second of each has been counted as known, the DEL came again too.
      await eventually(async () => {
        const info = await local.call("INFO", "fly");
        expect(Number(/replay_stale:(\d+)/.exec(info)?.[1])).toBeGreaterThanOrEqual(1);
      });
      expect(await local.call("GET", "k")).toBe(bulk("after"));
      for (const client of [writer, local]) client.close();
    } finally {
      await fabric.stop();
    }
  });
});
