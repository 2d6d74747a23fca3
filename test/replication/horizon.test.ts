import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { normalise } from "../../shim/replication/normalisation";
import { Replayer } from "../../shim/replication/replayer";
import { MAX_AHEAD_MS } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { describeWithServer } from "../support/servers";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const horizonMs = 10 * MINUTE;
const spanMs = horizonMs + MAX_AHEAD_MS;
const maxBytes = 1 << 26;

describeWithServer("the horizon", () => {
  let server: ConnectedServer;
  let region: Redis;
  let records: Redis;
  let replayer: Replayer;
  let nowMs: number;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    region = server.connect();
    records = server.connect({ db: 1 });
  });

  afterAll(() => server.close());

  beforeEach(async () => {
    await region.flushall();
    nowMs = Date.now();
    replayer = new Replayer(region, horizonMs, { ms: nowMs - 9 * HOUR, counter: 0, origin: 0 });
    await replayer.rotate(nowMs, maxBytes);
    // It has been there for a while.
    await age(2 * HOUR);
  });

  /** One command, accepted so long ago; the reasons for doubt, or what else became of it. */
  async function replay(agoMs: number, line: string): Promise<unknown> {
    const stamp = { ms: nowMs - agoMs, counter: 0, origin: 1 };
    const args = line.split(" ").map((word) => Buffer.from(word));
    const outcome = await replayer.apply([{ stamp, args: normalise(String(args[0]), args, stamp) }]);
    const [doubt] = outcome.doubts.keys();
    return doubt ?? (outcome.applied > 0 ? "applied" : "stale");
  }

  /** As if all records had been written so much earlier. */
  async function age(ms: number): Promise<void> {
    for (const field of ["began", "beganBefore", "waited", "tended"]) {
      if (await records.hexists("m", field)) await records.hincrby("m", field, -ms);
    }
  }

  /** So many horizons go by, in which everything up to a moment so long ago has been heard of. */
  async function pass(horizons: number, heardAgoMs: number, bytes = maxBytes): Promise<void> {
    for (let count = 0; count < horizons; count += 1) {
      await age(spanMs);
      await replayer.rotate(nowMs - heardAgoMs, bytes);
    }
  }

  it("ends after one to two generations where every region is heard of", async () => {
    await replay(HOUR, "SET known v");
    await pass(1, 0);
    expect(await replay(2 * MINUTE, "SET pushed v")).toBe("applied");
    expect(await replay(2 * HOUR, "SET known old")).toBe("stale");
    await pass(2, 0);
    expect(await replay(HOUR, "SET late v")).toBe("late");
    expect(await region.exists("late")).toBe(0);
    expect(await replay(2 * HOUR, "SET known old")).toBe("late");
  });

  it("stretches while a region is not heard of: what it pushed takes effect afterwards, in its place", async () => {
    await replay(2 * HOUR, "SET known v");
    await replay(2 * HOUR, "SET counter 10");
    await pass(6, 66 * MINUTE);
    expect(await replay(50 * MINUTE, "SET pushed v")).toBe("applied");
    expect(await replay(40 * MINUTE, "INCR counter")).toBe("applied");
    expect(await replay(45 * MINUTE, "SET counter 20")).toBe("applied");
    expect(await replay(2 * HOUR, "SET known v")).toBe("stale");
    expect(await region.mget("pushed", "counter", "known")).toEqual(["v", "21", "v"]);
    expect(await replay(5 * HOUR, "SET unknown v")).toBe("late");
  });

  it("stretches no further once records take up more than they may", async () => {
    await replay(HOUR, "SET known v");
    await pass(3, HOUR, 1);
    expect(await replay(50 * MINUTE, "SET pushed v")).toBe("late");
    expect(await replay(2 * MINUTE, "SET pushed v")).toBe("applied");
    await eventually(async () => expect((await records.keys("g*")).length).toBe(1));
  });

  it("goes on for a minute after the last that was behind: other shims may still replay what came with it", async () => {
    const generation = () => records.hget("m", "generation");
    await replay(HOUR, "SET known v");
    await pass(3, HOUR);
    const before = await generation();
    await replayer.rotate(nowMs, maxBytes);
    expect(await generation()).toBe(before);
    await age(MINUTE);
    await replayer.rotate(nowMs, maxBytes);
    expect(await generation()).toBe(String(Number(before) + 1));
  });

  it("takes a key as it is whose records are gone, whatever was flushed before it was written", async () => {
    await replay(2 * HOUR, "SET known v");
    await replay(2 * HOUR, "FLUSHALL");
    await replay(HOUR, "SET known v");
    await replay(HOUR, "SADD members a");
    await pass(3, 0);
    expect(await replay(50 * MINUTE, "SET other old")).toBe("late");
    expect(await replay(0, "APPEND known w")).toBe("applied");
    expect(await replay(0, "SADD members b")).toBe("applied");
    expect(await region.get("known")).toBe("vw");
    expect((await region.smembers("members")).sort()).toEqual(["a", "b"]);
  });

  it("does not keep a late FLUSHALL from what nothing is on record of", async () => {
    await replay(2 * HOUR, "SET known v");
    await pass(3, 0);
    await replay(0, "SET recent v");
    expect(await replay(HOUR, "FLUSHALL")).toBe("applied");
    expect(await region.keys("*")).toEqual(["recent"]);
  });

  it("keeps records and journals from expiring meanwhile", async () => {
    await replay(HOUR, "SET known v");
    await replay(HOUR, "INCR counter");
    const names = (await records.keys("*")).filter((name) => /^[gbj]/.test(name));
    expect(names.length).toBe(4);
    for (const name of names) await records.pexpire(name, MINUTE);
    await pass(1, 5 * HOUR);
    await eventually(async () => {
      for (const name of names) expect(await records.pttl(name)).toBeGreaterThan(horizonMs);
    });
  });

  it("takes records from before an eviction of all that it knew of itself for nothing newer", async () => {
    await replay(HOUR, "SET k oldest");
    await pass(1, 0);
    await replay(4 * MINUTE, "SET k older");
    await records.del("m");
    expect(await replay(2 * MINUTE, "SET k newest")).toBe("applied");
    await pass(1, 0);
    expect(await replay(3 * MINUTE, "SET k between")).toBe("stale");
    expect(await region.get("k")).toBe("newest");
  });

  it("knows after a rotation what was evicted before it", async () => {
    await replay(MINUTE, "SET evicted v");
    const [bucket = ""] = await records.keys("g*");
    await pass(1, 0);
    await records.del(bucket);
    expect(await replay(2 * MINUTE, "SET evicted old")).toBe("evicted");
    expect(await region.exists("evicted")).toBe(0);
  });
});
