import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Redis } from "ioredis";
import type { StampedCommand } from "../../shim/replication/envelope";
import { normalise } from "../../shim/replication/normalisation";
import { Replayer } from "../../shim/replication/replayer";
import { stampText } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const horizonMs = 600_000;

describeWithServer("replay", () => {
  let server: ConnectedServer;
  let client: Redis;
  let records: Redis;
  let replayers: [Replayer, Replayer];
  let connections: Redis[];
  let startMs: number;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
    records = server.connect({ db: 1 });
    connections = [server.connect(), server.connect()];
  });

  afterAll(() => server.close());

  beforeEach(async () => {
    await wipe();
    startMs = Date.now();
  });

  /** Empties the server, and forgets what it had: else its loss would show. */
  async function wipe(): Promise<void> {
    await client.flushall();
    const start = { ms: 0, counter: 0, origin: 0 };
    const newReplayer = (connection: Redis) => new Replayer(connection, horizonMs, start);
    replayers = [newReplayer(connections[0]!), newReplayer(connections[1]!)];
  }

  /** The command as accepted `at` milliseconds after the test began. */
  function command(at: number, line: string, origin = 1): StampedCommand {
    const args = line.split(" ").map((word) => Buffer.from(word));
    const stamp = { ms: startMs + at, counter: 0, origin };
    return { stamp, args: normalise(String(args[0]).toUpperCase(), args, stamp) };
  }

  /** One call each, by both replayers in turn. */
  async function replay(...commands: StampedCommand[]) {
    const outcomes = [];
    for (const [index, each] of commands.entries()) outcomes.push(await replayers[(index % 2) as 0 | 1].apply([each]));
    return outcomes;
  }

  it("writes to database 0, keeps records in database 1, and stays in database 0", async () => {
    const [outcome] = await replay(command(1, "SET k v"));
    expect(outcome).toMatchObject({ applied: 1, stale: 0, unordered: 0, errors: [], poison: [], transient: [] });
    expect(await client.get("k")).toBe("v");
    expect(await connections[0]!.keys("*")).toEqual(["k"]);
    expect(await records.hget("m", "newest")).toBe(stampText(command(1, "SET k v").stamp));
  });

  it("lets a late, older SET and a duplicated DEL change nothing", async () => {
    await replay(command(5, "SET k new"), command(3, "SET k old"));
    expect(await client.get("k")).toBe("new");
    const del = command(6, "DEL k");
    await replay(del);
    await client.set("k", "written by somebody in this region");
    const [again] = await replay(del);
    expect(again).toMatchObject({ applied: 0, stale: 1 });
    expect(await client.get("k")).toBe("written by somebody in this region");
  });

  it("keeps an older SET from coming back after a newer DEL", async () => {
    await replay(command(5, "DEL k"), command(3, "SET k old"));
    expect(await client.exists("k")).toBe(0);
  });

  it("orders commands of the same millisecond by origin", async () => {
    await replay(command(1, "SET k high", 9), command(1, "SET k low", 2));
    expect(await client.get("k")).toBe("high");
  });

  it("judges each key of DEL and MSET by itself", async () => {
    await replay(command(5, "SET b newer"), command(3, "MSET a 1 b 1 c 1 a 2"));
    expect(await client.mget("a", "b", "c")).toEqual(["2", "newer", "1"]);
    await replay(command(4, "DEL a b c"));
    expect(await client.mget("a", "b", "c")).toEqual([null, "newer", null]);
  });

  it("handles one key many times in one call", async () => {
    const [lines] = [["SET k 1", "DEL k", "SET k 2", "INCR k", "SET k 3"]];
    const all = lines.map((line, index) => command(index, line));
    await replayers[0].apply([...all, ...all.toReversed()]);
    expect(await client.get("k")).toBe("3");
  });

  it("replays binary and long keys", async () => {
    const stamp = { ms: startMs, counter: 0, origin: 1 };
    for (const key of [Buffer.from([0, 255, 13, 10, 37]), Buffer.alloc(1000, 200)]) {
      const set = { stamp, args: [Buffer.from("SET"), key, key] };
      await replayers[0].apply([set]);
      expect(await client.getBuffer(key)).toEqual(key);
      await client.del(key);
      expect(await replayers[1].apply([set])).toMatchObject({ stale: 1 });
    }
  });

  it("restores over whatever was there, and counts a payload that cannot be restored", async () => {
    await client.rpush("source", "a", "b");
    const payload = await client.dumpBuffer("source");
    await client.set("k", "string");
    const restore = (at: number, body: Buffer): StampedCommand => {
      const stamp = { ms: startMs + at, counter: 0, origin: 1 };
      const args = ["RESTORE", "k", "0", body, "REPLACE"].map((arg) => Buffer.from(arg));
      return { stamp, args: normalise("RESTORE", args, stamp) };
    };
    const [, broken] = await replay(restore(2, payload), restore(4, Buffer.from("nonsense")));
    expect(broken?.errors).toMatchObject([{ command: "RESTORE", error: expect.stringContaining("DUMP payload") }]);
    expect(await client.lrange("k", 0, -1)).toEqual(["a", "b"]);
    await replay(command(3, "SET k between"));
    expect(await client.get("k")).toBe("between");
  });

  it("sets expiries as instants", async () => {
    await replay(
      command(0, "SET a v EX 100"),
      command(0, "SETEX b 100 v"),
      command(0, "SET c v"),
      command(1, "EXPIRE c 100"),
    );
    expect(await Promise.all(["a", "b", "c"].map((key) => client.pexpiretime(key)))).toEqual([
      startMs + 100_000,
      startMs + 100_000,
      startMs + 100_001,
    ]);
  });

  it("runs what has no order once, in that of its arrival", async () => {
    await replay(command(1, "RPUSH list a"));
    const move = command(3, "RPOPLPUSH list other");
    const outcomes = await replay(move, command(2, "LPUSH list b"), move, move);
    expect(outcomes.map(({ applied, stale, unordered }) => [applied, stale, unordered])).toEqual([
      [1, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
    ]);
    expect(await client.lrange("list", 0, -1)).toEqual(["b"]);
    expect(await client.lrange("other", 0, -1)).toEqual(["a"]);
    await replay(command(4, "SET list v"), command(5, "APPEND list w"));
    expect(await client.get("list")).toBe("vw");
  });

  it("drops a command on one key that a newer overwrite has superseded", async () => {
    await replay(command(5, "SET n 10"), command(3, "INCR n"), command(7, "INCR n"));
    expect(await client.get("n")).toBe("11");
  });

  it("replays commands over several keys, on containers and with their blocking kin", async () => {
    await replay(
      command(1, "RPUSH a 1 2"),
      command(2, "BRPOPLPUSH a b 0"),
      command(3, "RENAME b c"),
      command(4, "BLPOP none c 0"),
    );
    expect(await client.keys("*")).toEqual(["a"]);
    const [created] = await replay(command(5, "XGROUP CREATE s g $ MKSTREAM"));
    expect(created).toMatchObject({ applied: 1 });
    expect(await client.type("s")).toBe("stream");
  });

  it("tells poison from errors of the data, and neither holds up the rest", async () => {
    const outcome = await replayers[0].apply([
      command(1, "SET k v"),
      command(2, "NOSUCH k"),
      command(3, "LPUSH k v"),
      command(4, "SET l v"),
    ]);
    expect(outcome).toMatchObject({ applied: 2, transient: [] });
    expect(outcome.poison).toMatchObject([{ command: "NOSUCH", stamp: stampText(command(2, "").stamp) }]);
    expect(outcome.errors).toMatchObject([{ command: "LPUSH", error: expect.stringContaining("WRONGTYPE") }]);
  });

  it("tries again what a script says nothing of", async () => {
    const args = ["SET", "k", "v"].map((word) => Buffer.from(word));
    const step = {
      kind: "overwrite",
      stamp: command(1, "SET k v").stamp,
      key: Buffer.from("k"),
      leaves: "+",
      args,
    } as const;
    const outcome = await new Replayer(client, 1000, step.stamp).applySteps([step, step], async () => ["s"]);
    expect(outcome).toMatchObject({ stale: 1, transient: [{ command: "SET" }] });
  });

  it("reports what memory has no room for as transient, and applies it later", async () => {
    const policy = await client.config("GET", "maxmemory-policy");
    await client.config("SET", "maxmemory-policy", "noeviction", "maxmemory", "1");
    const set = command(1, "SET k v");
    const [full] = await replay(set);
    const oom = { command: "SET", error: expect.stringContaining("OOM") };
    expect(full).toMatchObject({ applied: 0, transient: [oom] });
    await client.config("SET", "maxmemory", "256mb", "maxmemory-policy", (policy as string[])[1]!);
    expect(await replay(set)).toMatchObject([{ applied: 1 }]);
    await client.config("SET", "maxmemory-policy", "noeviction", "maxmemory", "1");
    const several = [command(2, "SET k w"), command(1, "DEL k"), command(3, "SET k x"), command(4, "SET k y EX 1000")];
    expect(await replayers[0].apply(several)).toMatchObject({ applied: 0, stale: 1, transient: [oom, oom, oom] });
    expect(await client.get("k")).toBe("v");
    await client.config("SET", "maxmemory", "256mb", "maxmemory-policy", (policy as string[])[1]!);
    expect(await replayers[1].apply(several)).toMatchObject({ applied: 3, stale: 1 });
    expect(await client.get("k")).toBe("y");
  });

  it("turns what is older than the horizon into a delete", async () => {
    await client.mset("a", "1", "b", "1");
    const outcomes = await replay(command(-horizonMs - 1000, "SET a old"), command(-horizonMs - 900, "INCR b"));
    expect(outcomes.map(({ doubts }) => [...doubts])).toEqual([[["late", 1]], [["late", 1]]]);
    expect(await client.mget("a", "b")).toEqual([null, null]);
    await replay(command(1, "SET a new"), command(-horizonMs - 950, "SET a old"));
    expect(await client.get("a")).toBe("new");
  });

  it("lets records go after some horizons", async () => {
    await replay(command(1, "SET k v"), command(2, "INCR n"));
    const kept = (await records.keys("*")).filter((key) => key !== "m");
    expect(kept.map((key) => key[0]).sort()).toEqual(["b", "g", "g", "j"]);
    for (const key of kept) expect(await records.pttl(key)).toBeGreaterThan(horizonMs);
  });

  it("ends in the same state for all orders and repetitions of some overwrites", async () => {
    const lines = ["SET k a", "DEL k", "SET k b", "MSET k c l c", "FLUSHALL", "SET l d", "GETDEL l"];
    lines.push("SET k e EX 1000", "SET k f EX 5");
    const all = fc
      .uniqueArray(fc.record({ at: fc.nat({ max: 9 }), origin: fc.nat({ max: 2 }), line: fc.constantFrom(...lines) }), {
        minLength: 2,
        maxLength: 6,
        selector: ({ at, origin }) => `${at} ${origin}`,
      })
      .chain((commands) =>
        fc.tuple(
          fc.constant(commands),
          fc.shuffledSubarray([...commands, ...commands], { minLength: commands.length }),
          fc.array(fc.nat({ max: 3 }), { minLength: 12, maxLength: 12 }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(all, async ([commands, shuffled, cuts]) => {
        const ordered = commands.toSorted((a, b) => a.at - b.at || a.origin - b.origin);
        const state = async () => [await client.mget("k", "l"), await client.pexpiretime("k")];
        // However long all of them take, nothing expires within one.
        startMs = Date.now();
        await wipe();
        await replayers[0].apply(ordered.map(({ at, line, origin }) => command(at, line, origin)));
        const expected = await state();
        await wipe();
        // Everything at least once, in calls of random lengths by two shims.
        const queue = [...shuffled, ...commands.filter((each) => !shuffled.includes(each))];
        for (const cut of cuts) {
          const part = queue.splice(0, cut).map(({ at, line, origin }) => command(at, line, origin));
          await replayers[(cut % 2) as 0 | 1].apply(part);
        }
        await replayers[1].apply(queue.map(({ at, line, origin }) => command(at, line, origin)));
        expect(await state()).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps what is newer than a FLUSHALL, and wipes what is not known to be", async () => {
    await client.set("unknown", "v");
    await replay(command(1, "SET old v"), command(5, "SET new v"), command(6, "INCR counter"));
    const [outcome] = await replay(command(3, "FLUSHALL"));
    expect(outcome).toMatchObject({ applied: 1 });
    expect((await client.keys("*")).sort()).toEqual(["counter", "new"]);
    await replay(command(2, "SET old v"));
    expect(await client.exists("old")).toBe(0);
  });

  it("never wipes twice for one FLUSHALL, nor for an older one", async () => {
    const flush = command(3, "FLUSHALL");
    await replay(command(1, "SET old v"), flush);
    await client.set("local", "v");
    expect(await replay(flush, flush, command(2, "FLUSHALL"))).toMatchObject([
      { stale: 1 },
      { stale: 1 },
      { stale: 1 },
    ]);
    expect(await client.get("local")).toBe("v");
  });

  it("finishes a FLUSHALL that was interrupted, when it comes again", async () => {
    await client.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, "v"])));
    await replay(command(5, "SET new v"));
    const flush = command(3, "FLUSHALL");
    await records.hset("m", "flush", stampText(flush.stamp));
    await replay(flush);
    expect(await client.keys("*")).toEqual(["new"]);
    expect(await records.hget("m", "flushed")).toBe(stampText(flush.stamp));
  });
});
