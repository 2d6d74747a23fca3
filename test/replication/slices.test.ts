// Commands that are run in slices, which together do what the server does of the whole command: all of it, or nothing.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { type Content, contents } from "../../chaos/model";
import { normalise } from "../../shim/replication/normalisation";
import { splits } from "../../shim/replication/splitting";
import { Transfers } from "../../shim/replication/transfers";
import { encodeBulk } from "../../shim/resp/encoder";
import { ConnectedServer } from "../support/connectedServer";
import { horizonMs, ReplayedRegion } from "../support/replayedRegion";
import { describeWithServer } from "../support/servers";

/** A difference would fill pages. */
const digest = (contents: ReadonlyMap<string, Content> | undefined) =>
  createHash("sha1")
    .update(contents?.get("k") ?? "")
    .digest("hex");

/** More than one slice has. */
const GROUPS = 2300;

describeWithServer("commands in slices", () => {
  const here = new ReplayedRegion();
  let region: Redis;
  let server: ConnectedServer;
  let plain: Redis;
  let transfers: Transfers;
  let count = 0;

  beforeAll(async () => {
    ({ region } = here);
    server = await ConnectedServer.start();
    plain = server.connect();
  });

  afterAll(() => server.close());

  beforeEach(async () => {
    await plain.flushall();
    await here.replayer.newest();
    transfers = new Transfers({ cluster: region, replayer: here.replayer, horizonMs });
  });

  /** Runs a small command on both. */
  async function both(at: number, line: string): Promise<void> {
    const [name = "", ...args] = line.split(" ");
    await plain.call(name, ...args);
    await here.replay(here.command(at, line));
  }

  /** Runs a command on both, here as many arguments behind its lead that come in a transfer. @returns the server's error */
  async function compare(at: number, lead: string, tail: readonly string[]): Promise<string | undefined> {
    const [name = "", ...args] = lead.split(" ");
    const theirs = await plain.call(name, ...args, ...tail).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const bytes = Buffer.concat(tail.map((word) => encodeBulk(Buffer.from(word))));
    const stamp = { ms: here.startMs + at, counter: 0, origin: 1 };
    const transfer = `slices${++count}`;
    await transfers.store(transfer, 0, bytes);
    const words = [name, ...args].map((word) => Buffer.from(word));
    const outcome = await transfers.complete({
      ...{ stamp, args: normalise(name, words, stamp), transfer, large: [] },
      tail: { count: tail.length, bytes: bytes.length },
    });
    expect(outcome).toMatchObject({ transient: [], poison: [], doubts: new Map() });
    expect(outcome?.errors.map(({ error }) => error)).toEqual(theirs === undefined ? [] : [theirs]);
    const [ours, expected] = await Promise.all([region, plain].map((redis) => contents(redis, ["k"])));
    expect(digest(ours)).toBe(digest(expected));
    expect(await here.records.keys("q*")).toEqual([]);
    return theirs;
  }

  const members = (from = 0) => Array.from({ length: GROUPS }, (_, index) => `m${from + index}`);
  const pairs = (score: (index: number) => string) => members().flatMap((member, index) => [score(index), member]);

  it.each([...splits].filter(([, { apart }]) => !apart).map(([name]) => name))("do the same: %s", async (name) => {
    const seeds: Record<string, string> = { XDEL: "XADD k 7-7 f v", HDEL: "HSET k m3 v", ZREM: "ZADD k 1 m3" };
    const seed = seeds[name] ?? { S: "SADD k m3", R: "RPUSH k m3", L: "RPUSH k m3" }[name[0] ?? ""];
    if (seed !== undefined) await both(1, seed);
    const ids = Array.from({ length: GROUPS }, (_, index) => `${index}-7`);
    const tail = /^(ZADD|HSET|HMSET)$/.test(name) ? pairs(String) : name === "XDEL" ? ids : members();
    expect(await compare(2, `${name} k`, tail)).toBeUndefined();
    expect(await compare(3, `${name} k`, tail)).toBeUndefined();
  });

  const late = GROUPS - 50;
  const good = ["inf", "-INF", "+infinity", "1e3", ".5", "5.", "-0", "+7", "1e-320"];
  const bad = ["abc", "nan", "-NaN", "", " 1", "1 ", "1e400", "0x", "1,5", "1_0", "CH", "nx", "INCR", "1\0"];

  it.each(["ZADD k", "ZADD k NX", "ZADD k XX CH", "ZADD k GT", "ZADD k LT CH", "ZADD k ch xx lt"])(
    "add all members of %s or none",
    async (lead) => {
      await both(1, "ZADD k 5 m3 -5 m2200 1 other");
      let at = 2;
      expect(
        await compare(
          at++,
          lead,
          pairs((index) => good[index % good.length] ?? ""),
        ),
      ).toBeUndefined();
      for (const score of bad) {
        const error = await compare(
          at++,
          lead,
          pairs((index) => (index === late ? score : String(index - 1000))),
        );
        expect(error).toBe("ERR value is not a valid float");
      }
      // Valkey 9.1 takes no hexadecimal numbers any more.
      for (const score of ["0x1f", "0x1p-3"])
        await compare(
          at++,
          lead,
          pairs((index) => (index === late ? score : "1")),
        );
    },
  );

  it.each(["CH", "NX", "gt"])("take no option from among the scores: %s", async (word) => {
    const scored = pairs(() => "1").toSpliced(2000, 2, word, word);
    expect(await compare(1, "ZADD k", scored)).toBe("ERR value is not a valid float");
  });

  it.each(["ZADD k NX XX", "ZADD k GT LT", "ZADD k NX GT"])(
    "fail as a whole with options that are at odds: %s",
    async (lead) => {
      expect(await compare(1, lead, pairs(String))).toMatch(/^ERR .*not compatible/);
    },
  );

  it("delete all entries or none", async () => {
    for (const id of ["1-0", "2-0", "3-0", "2200-0"]) await both(1 + Number.parseInt(id, 10), `XADD k ${id} f v`);
    const ids = Array.from({ length: GROUPS }, (_, index) => `${index + 1}`);
    for (const [index, id] of ["abc", "", "+", "-", "$", "1-", "-1", "1-*", "18446744073709551616", "1--1"].entries()) {
      const error = await compare(3000 + index, "XDEL k", ids.with(late, id));
      expect(error).toMatch(/^ERR Invalid stream ID/);
    }
    for (const [index, id] of ["+9", " 9", "007-07", "18446744073709551615"].entries()) {
      await both(3020 + 2 * index, "XADD k 2200-* f v");
      await compare(3021 + 2 * index, "XDEL k", ids.with(late, id));
    }
  });

  it("leave a key of another type alone", async () => {
    await both(1, "SET k v");
    expect(await compare(2, "ZADD k", pairs(String))).toMatch(/^WRONGTYPE/);
    expect(
      await compare(
        3,
        "XDEL k",
        members().map((_, index) => `${index}`),
      ),
    ).toMatch(/^WRONGTYPE/);
  });
});
