// Commands on database 1 that no envelope can hold, through whole shims.
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { Fabric, Region } from "../../local/fabric";
import { noFaults } from "../../local/wires";
import { encodeRequest } from "../../shim/resp/encoder";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";

describeWithServer("large commands between three regions with two shims each", () => {
  let fabric: Fabric;
  let regions: [Region, Region, Region];
  let caches: Redis[];
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({ shims: 2, faults: { ...noFaults, delay: 0, duplicate: 0.3, reorder: 0.3 } });
    regions = fabric.regions as [Region, Region, Region];
    caches = regions.map((region) => new Redis(fabric.url(region, region.shims[1])));
    for (const region of regions) {
      const client = await open(region);
      // Until canaries have told that all shims read chunks.
      await eventually(async () => {
        const info = await client.call("INFO", "fly");
        for (const { name } of regions) expect(info).toMatch(new RegExp(`^region_${name}:.*shims=2`, "m"));
      });
    }
  });
  afterAll(async () => {
    for (const cache of caches) cache.disconnect();
    await fabric?.stop();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  /** A client on database 1. */
  async function open(region: Region, shim: 0 | 1 = 0): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region, region.shims[shim]));
    expect(await client.call("SELECT", "1")).toBe(OK);
    clients.push(client);
    return client;
  }

  function everywhere(check: (cache: Redis) => Promise<void>): Promise<void> {
    return eventually(() => Promise.all(caches.map(check)).then(() => undefined));
  }

  async function holds(cache: Redis, key: string, value: Buffer): Promise<void> {
    expect((await cache.getBuffer(key))?.equals(value)).toBe(true);
  }

  test("a large value reaches every region, and its own session at once", async () => {
    const value = randomBytes(1_500_000);
    const client = await open(regions[0]);
    client.send(["SET", "large", value, "EX", "1000"], ["SELECT", "0"], ["STRLEN", "large"], ["PING"]);
    expect(await client.take(4)).toEqual([OK, OK, ":1500000\r\n", "+PONG\r\n"]);
    await everywhere(async (cache) => {
      await holds(cache, "large", value);
      expect(await cache.ttl("large")).toBeGreaterThan(900);
      expect(await cache.keys("*large*")).toEqual(["large"]);
    });
  });

  test("nobody else waits for a large value: others' writes are seen at once while it is put together", async () => {
    const [client, other] = [await open(regions[0]), await open(regions[0])];
    let seen = false;
    client.send(["SET", "slow", randomBytes(8_000_000)], ["SELECT", "0"], ["STRLEN", "slow"]);
    expect(await client.take(1)).toEqual([OK]);
    const read = client.take(2).then((replies) => {
      seen = true;
      return replies;
    });
    other.send(["SET", "beside", "v"], ["SELECT", "0"], ["GET", "beside"], ["EXISTS", "slow"]);
    expect(await other.take(4)).toEqual([OK, OK, "$1\r\nv\r\n", ":0\r\n"]);
    expect(seen).toBe(false);
    expect(await read).toEqual([OK, ":8000000\r\n"]);
  });

  test("regions hold the same or nothing where large and small commands meet on a bus that repeats and reorders", async () => {
    const writers = await Promise.all(regions.map((region) => open(region)));
    const values = writers.map((_, index) => randomBytes(400_000 + 100_000 * index));
    for (const [index, writer] of writers.entries()) {
      const value = values[index]!;
      writer.send(
        ["SET", "mixed", value],
        ["APPEND", "mixed", "small"],
        ["HSET", "hash", `field${index}`, value, "small", String(index)],
        ["SET", `over${index}`, value],
        ["SET", `over${index}`, "small"],
        ["SET", `alone${index}`, value],
        ["APPEND", `alone${index}`, "small"],
      );
    }
    for (const writer of writers) expect(await writer.take(7)).toEqual(Array(7).fill(OK));
    await everywhere(async (cache) => {
      expect(await cache.mget("over0", "over1", "over2")).toEqual(Array(3).fill("small"));
      for (const [index, value] of values.entries()) {
        await holds(cache, `alone${index}`, Buffer.concat([value, Buffer.from("small")]));
      }
    });
    const done = await Promise.all(writers.map((writer, index) => writer.call("SET", `done${index}`, "done")));
    expect(done).toEqual([OK, OK, OK]);
    await everywhere(async (cache) => expect(await cache.exists("done0", "done1", "done2")).toBe(3));
    // What a region holds is one value with what was appended to it, and all fields.
    await eventually(async () => {
      const mixed = (await Promise.all(caches.map((cache) => cache.getBuffer("mixed")))).filter(
        (held) => held !== null,
      );
      const texts = new Set(mixed.map((held) => held.toString("latin1")));
      expect(texts.size).toBeLessThanOrEqual(1);
      for (const text of texts) {
        const value = values.map((each) => each.toString("latin1")).find((each) => text.startsWith(each));
        expect(text.slice(value?.length)).toMatch(/^(small){1,3}$/);
      }
      const hashes = await Promise.all(caches.map((cache) => cache.hgetallBuffer("hash")));
      const held = hashes.filter((hash) => Object.keys(hash).length > 0);
      for (const hash of held) {
        expect(hash.small).toEqual(held[0]!.small);
        expect(values.map((value, index) => hash[`field${index}`]?.equals(value))).toEqual([true, true, true]);
      }
    });
    // Where a region could not tell, it can again; but for what overtakes the overwrite that tells it.
    const mender = await open(regions[0]!);
    mender.send(["DEL", "hash"], ["WAIT", "2", "10000"]);
    expect(await mender.take(2)).toEqual([OK, ":2\r\n"]);
    mender.send(["SET", "mixed", values[2]!], ["HSET", "hash", "field", values[1]!]);
    expect(await mender.take(2)).toEqual([OK, OK]);
    await everywhere(async (cache) => {
      await holds(cache, "mixed", values[2]!);
      expect((await cache.hgetallBuffer("hash")).field?.equals(values[1]!)).toBe(true);
      expect(await cache.hlen("hash")).toBe(1);
    });
  });

  test("commands on a large value follow it in every region, whichever comes first", async () => {
    const value = randomBytes(700_000);
    const client = await open(regions[1]);
    client.send(["SET", "chain", value], ["APPEND", "chain", "tail"], ["EXPIRE", "chain", "500"]);
    client.send(
      ["HSET", "followed", "large", value],
      ["EXPIRE", "followed", "500"],
      ["HSET", "followed", "small", "1"],
    );
    expect(await client.take(6)).toEqual(Array(6).fill(OK));
    await everywhere(async (cache) => {
      expect(await cache.strlen("chain")).toBe(value.length + 4);
      expect(await cache.ttl("chain")).toBeGreaterThan(400);
      expect(await cache.hstrlen("followed", "large")).toBe(value.length);
      expect(await cache.hget("followed", "small")).toBe("1");
      expect(await cache.ttl("followed")).toBeGreaterThan(400);
    });
  });

  test("a command of more arguments than an envelope can hold does what it would have done in one", async () => {
    const client = await open(regions[1]);
    const fields = Array.from({ length: 20_000 }, (_, index) => [`field ${index}`, `value ${index}`]).flat();
    const scores = Array.from({ length: 10_000 }, (_, index) => [String(index), `member ${index}`]).flat();
    client.send(
      ["HSET", "many", ...fields],
      ["ZADD", "scores", "NX", "CH", ...scores],
      ["HSET", "many", ...fields, "odd"],
    );
    expect(await client.take(3)).toEqual([OK, OK, "-ERR wrong number of arguments for 'hset' command\r\n"]);
    await everywhere(async (cache) => {
      expect(await cache.hlen("many")).toBe(20_000);
      expect(await cache.hget("many", "field 19999")).toBe("value 19999");
      expect(await cache.zcard("scores")).toBe(10_000);
    });
    const keys = Array.from({ length: 12_000 }, (_, index) => `a rather long key with number ${index}`);
    const some = keys.filter((_, index) => index % 100 === 0);
    expect(await client.call("MSET", ...keys.flatMap((key) => [key, "v"]))).toBe(OK);
    await everywhere(async (cache) => expect(await cache.exists(...some)).toBe(some.length));
    expect(await client.call("DEL", ...keys)).toBe(OK);
    await everywhere(async (cache) => expect(await cache.exists(...some)).toBe(0));
  });

  test("a large member gets its score, whatever options stand before it", async () => {
    const client = await open(regions[1]);
    const member = randomBytes(300_000);
    const options = [["INCR"], ["XX", "INCR"], ["NX", "CH"]];
    for (const words of options) expect(await client.call("ZADD", words.join(), ...words, "7", member)).toBe(OK);
    await everywhere(async (cache) => {
      const scores = await Promise.all(options.map((words) => cache.zscore(words.join(), member)));
      expect(scores).toEqual(["7", null, "7"]);
    });
  });

  test("a client that leaves in mid-command has done nothing, and leaves nothing behind", async () => {
    const value = randomBytes(1_000_000);
    const request = encodeRequest(["SET", "abandoned", value]);
    const leaving = await open(regions[2]);
    // The bus may still hold back what others sent before.
    const before = new Set((await Promise.all([0, 1, 2].map(chunks))).flat());
    const left = async () => (await Promise.all([0, 1, 2].map(chunks))).flat().filter((name) => !before.has(name));
    leaving.write(request.subarray(0, 800_000));
    await eventually(async () => expect(await left()).not.toEqual([]));
    leaving.close();
    await eventually(async () => expect(await left()).toEqual([]));
    await everywhere(async (cache) => expect(await cache.exists("abandoned")).toBe(0));
  });

  /** Names of what a region's server keeps of transfers. */
  async function chunks(index: number): Promise<string[]> {
    const records = new Redis(regions[index]!.server.url, { db: 1 });
    try {
      return await records.keys("[dw]*");
    } finally {
      records.disconnect();
    }
  }

  test("a key that no envelope can hold is refused, and the connection goes on", async () => {
    const client = await open(regions[0]);
    client.send(["RPUSH", randomBytes(300_000), "v"], ["PING"]);
    expect(await client.take(2)).toEqual([
      "-ERR a key of 300000 bytes is too large for database 1, choose a shorter one\r\n",
      "+PONG\r\n",
    ]);
  });
});
