import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { randomCommand } from "../../chaos/commands";
import { smallKeys as keys } from "../../chaos/keys";
import { wordsOf } from "../../chaos/largeCommands";
import { contents, fold } from "../../chaos/model";
import { Random } from "../../chaos/random";
import type { StampedCommand } from "../../shim/replication/envelope";
import { Figures } from "../../shim/replication/figures";
import { normalise } from "../../shim/replication/normalisation";
import { doubtReasons, Replayer } from "../../shim/replication/replayer";
import type { Stamp } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer, serverWithFieldExpiries } from "../support/servers";

const horizonMs = 600_000;
const SCHEDULES = 40;
const COMMANDS = 40;

describeWithServer("journal", () => {
  let servers: ConnectedServer[];
  let model: Redis;
  let region: Redis;
  let records: Redis;
  let replayer: Replayer;
  let startMs: number;

  beforeAll(async () => {
    const program = serverWithFieldExpiries();
    servers = [await ConnectedServer.start(program), await ConnectedServer.start(program)];
    model = servers[0]!.connect();
    region = servers[1]!.connect();
    records = servers[1]!.connect({ db: 1 });
  });

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  beforeEach(wipe);

  async function wipe(): Promise<void> {
    await region.flushall();
    startMs = Date.now() - 2000;
    replayer = newReplayer();
  }

  function newReplayer(start: Stamp = { ms: startMs - 1, counter: 0, origin: 0 }): Replayer {
    return new Replayer(region, horizonMs, start);
  }

  function stamped(stamp: Stamp, line: string): StampedCommand {
    const args = wordsOf(line);
    return { stamp, args: normalise(String(args[0]), args, stamp) };
  }

  /** The command as accepted `at` milliseconds after the start. */
  function command(at: number, line: string): StampedCommand {
    return stamped({ ms: startMs + at, counter: 0, origin: 1 }, line);
  }

  /** One call each; for each command the reasons for doubt, or what else became of it. */
  async function replay(...commands: readonly StampedCommand[]): Promise<unknown[]> {
    const outcomes: unknown[] = [];
    for (const each of commands) {
      const { applied, stale, errors, doubts, transient, poison } = await replayer.apply([each]);
      expect([transient, poison]).toEqual([[], []]);
      if (applied > 0) outcomes.push("applied");
      if (stale > 0) outcomes.push("stale");
      if (errors.length > 0) outcomes.push("failed");
      outcomes.push(...doubts.keys());
    }
    return outcomes;
  }

  it("puts a command that comes late into its place", async () => {
    const commands = [command(1, "SET n 10"), command(3, "INCRBY n 5"), command(2, "APPEND n 0"), command(4, "INCR n")];
    expect(await replay(...commands)).toEqual(["applied", "applied", "applied", "applied"]);
    expect(await region.get("n")).toBe("106");
    expect(await replay(...commands)).toEqual(["stale", "stale", "stale", "stale"]);
  });

  it("keeps newer commands on top of an overwrite that comes late, and drops older ones", async () => {
    await replay(command(2, "RPUSH l old"), command(4, "RPUSH l new"), command(3, "DEL l"), command(1, "RPUSH l late"));
    expect(await region.lrange("l", 0, -1)).toEqual(["new"]);
  });

  it("lets a command that failed succeed where an older one makes it right", async () => {
    expect(await replay(command(1, "SET k v"), command(3, "RPUSH k a"), command(2, "DEL k"))).toEqual([
      "applied",
      "failed",
      "applied",
    ]);
    expect(await region.lrange("k", 0, -1)).toEqual(["a"]);
  });

  it("runs commands before an expiry that has passed meanwhile, and those after it on nothing", async () => {
    await replay(command(1, "SET k v PX 100"), command(300, "APPEND k after"), command(50, "PERSIST k"));
    expect(await region.get("k")).toBe("vafter");
    await replay(command(400, "PEXPIRE k 100"), command(600, "APPEND k again"));
    expect(await region.get("k")).toBe("again");
    await replay(command(450, "APPEND k between"));
    expect(await region.get("k")).toBe("again");
  });

  it("makes the value anew where a regional write or the eviction of the key has changed it", async () => {
    await replay(command(1, "SET n 10"), command(2, "INCR n"));
    await region.set("n", 99);
    expect(await replay(command(2, "INCR n"))).toEqual(["stale"]);
    expect(await region.get("n")).toBe("99");
    expect(await replay(command(3, "INCR n"))).toEqual(["applied"]);
    expect(await region.get("n")).toBe("12");
    await region.del("n");
    expect(await replay(command(4, "INCR n"))).toEqual(["applied"]);
    expect(await region.get("n")).toBe("13");
  });

  it("holds nothing where it cannot tell, until an overwrite newer than all it may have missed", async () => {
    await replay(command(1, "SET n 10"));
    await region.set("n", 99);
    expect(await replay(command(3, "INCR n"))).toEqual(["local"]);
    expect(await region.exists("n")).toBe(0);
    expect(await replay(command(5, "INCR n"), command(4, "SET n 1"))).toEqual(["held", "stale"]);
    expect(await region.exists("n")).toBe(0);
    expect(await replay(command(6, "SET n 1"), command(7, "INCR n"))).toEqual(["applied", "applied"]);
    expect(await region.get("n")).toBe("2");
  });

  it("holds nothing where records were evicted", async () => {
    await replay(command(1, "SET n 10"), command(2, "INCR n"), command(1, "SET m 10"));
    await records.del("jn");
    expect(await replay(command(2, "INCR n"))).toEqual(["evicted"]);
    for (const hash of await records.keys("g*")) await records.del(hash);
    expect(await replay(command(1, "SET m 10"), command(2, "SET n 20"))).toEqual(["evicted", "evicted"]);
    expect(await region.exists("n", "m")).toBe(0);
    expect(await replay(command(3, "SET m 30"), command(3, "SET n 30"))).toEqual(["applied", "applied"]);
  });

  it("brings nothing back that a server had before its restart", async () => {
    await replay(command(1, "SET k old"), command(5, "SET k new"), command(7, "SET other v"));
    await region.flushall();
    expect(await replay(command(1, "SET k old"), command(6, "INCR n"))).toEqual(["lost", "lost"]);
    expect(await region.keys("*")).toEqual([]);
    expect(await replay(command(8, "SET k newer"), command(9, "INCR n"))).toEqual(["applied", "held"]);
    replayer = newReplayer({ ms: startMs + 20, counter: 0, origin: 0 });
    await region.flushall();
    expect(await replay(command(10, "SET k older"))).toEqual(["lost"]);
    expect(await replay(command(30, "SET k v"))).toEqual(["applied"]);
  });

  it("counts the keys that it deletes out of doubt, by the reason", async () => {
    const registry = new Registry();
    const figures = new Figures("00000001", { commands: 0, bytes: 0 }, () => [], registry);
    const count = async (...commands: StampedCommand[]) => figures.replayed("bus", await replayer.apply(commands));
    const long = randomBytes(50_000).toString("hex");
    replayer = newReplayer({ ms: 0, counter: 0, origin: 0 });
    await replay(
      ...["local", "evicted"].map((key) => command(1, `SET ${key} 10`)),
      ...["expired", "folded"].flatMap((key) => [command(1, `SET ${key} ${long}`), command(3, `APPEND ${key} w`)]),
      command(4, "PEXPIRE expired 1"),
    );
    await region.set("local", 11);
    await region.del("evicted");
    await count(command(-horizonMs, "SET late v"));
    await count(command(5, "INCR local"), command(5, "INCR evicted"), command(2, "APPEND folded v"));
    await count(stamped({ ms: startMs + 4, counter: 1, origin: 1 }, "PERSIST expired"), command(6, "INCR local"));
    await region.flushall();
    await count(command(1, "SET lost v"));
    const lines = (await registry.metrics()).match(/^redis_on_fly_doubtful_deletions_total.*$/gm);
    const reasons = Object.values(doubtReasons).map((reason) => `{reason="${reason}"} 1`);
    expect(lines?.sort()).toEqual(reasons.map((each) => `redis_on_fly_doubtful_deletions_total${each}`).sort());
    expect(figures.snapshot().doubtful).toBe(reasons.length);
  });

  it("folds the older half of a long journal, whose commands stay known", async () => {
    const all = Array.from({ length: 1200 }, (_, index) => command(index + 1, "INCR n"));
    await replayer.apply(all);
    expect(await region.get("n")).toBe("1200");
    expect(Number(await records.hget("jn", "c"))).toBeLessThanOrEqual(512);
    expect((await replayer.apply(all)).stale).toBe(1200);
    expect(await replay(stamped({ ms: startMs + 1150, counter: 1, origin: 1 }, "INCR n"))).toEqual(["applied"]);
    expect(await region.get("n")).toBe("1201");
    expect(await replay(stamped({ ms: startMs + 3, counter: 1, origin: 1 }, "INCR n"))).toEqual(["folded"]);
    expect(await region.exists("n")).toBe(0);
  });

  /** As if so many more had been remembered in the one sorted set of this kind, with higher stamps. */
  async function crowd(kind: string, count: number): Promise<string> {
    const [name = ""] = await records.keys(`${kind}*:*`);
    const add = "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], 0, string.format('f%023d', i)) end";
    await records.eval(add, 1, name, count);
    return name;
  }

  it("knows a bounded number of the commands that it has folded: copies of older ones leave nothing", async () => {
    const all = Array.from({ length: 1200 }, (_, index) => command(index + 1, "INCR n"));
    await replayer.apply(all.slice(0, 600));
    const folds = await crowd("z", 1023);
    await replayer.apply(all.slice(600));
    expect(await region.get("n")).toBe("1200");
    expect(await records.zcard(folds)).toBe(1024);
    expect(await replay(command(600, "INCR n"), command(1200, "INCR n"))).toEqual(["stale", "stale"]);
    expect(await replay(command(1, "INCR n"))).toEqual(["folded"]);
    expect(await region.exists("n")).toBe(0);
  });

  it("runs nothing again on a key whose order has been given up, on a server that is new", async () => {
    const commands = [command(1, "RPUSH a 1 2"), command(2, "RPOPLPUSH a b"), command(3, "RPUSH a 3")];
    expect(await replay(...commands, ...commands)).toEqual([...Array(3).fill("applied"), ...Array(3).fill("stale")]);
    expect(await region.lrange("a", 0, -1)).toEqual(["1", "3"]);
  });

  it("knows a bounded number of commands that ran in the order of their arrival", async () => {
    await replay(command(1, "RPUSH a 1 2 3"), command(2, "RPOPLPUSH a b"), command(3, "RPOPLPUSH a b"));
    const alone = await crowd("s", 65_533);
    expect(await replay(command(4, "RPOPLPUSH a b"), command(2, "RPOPLPUSH a b"))).toEqual(["applied", "stale"]);
    expect(await records.zcard(alone)).toBe(65_536);
    expect(await replay(command(1, "RPUSH a 1 2 3"))).toEqual(["folded"]);
    expect(await region.keys("*")).toEqual(["b"]);
  });

  it("holds nothing where a FLUSHALL belongs among commands that were folded", async () => {
    await replayer.apply(Array.from({ length: 600 }, (_, index) => command(index + 1, "INCR n")));
    await replay(command(600, "SET other v"));
    expect(await replay(stamped({ ms: startMs + 3, counter: 1, origin: 1 }, "FLUSHALL"))).toEqual([
      "applied",
      "folded",
    ]);
    expect(await region.keys("*")).toEqual(["other"]);
    expect(await replay(command(601, "INCR n"))).toEqual(["held"]);
  });

  it("keeps what was folded since a FLUSHALL that is carried out again", async () => {
    await replay(command(1, "INCR n"), command(700, "SET other v"), command(3, "FLUSHALL"));
    await replayer.apply(Array.from({ length: 600 }, (_, index) => command(index + 4, "INCR n")));
    await records.hdel("m", "flushed");
    expect(await replay(command(3, "FLUSHALL"), command(701, "INCR n"))).toEqual(["applied", "applied"]);
    expect(await region.get("n")).toBe("601");
  });

  it("counts the keys of which a FLUSHALL finds the journals evicted", async () => {
    await replay(command(1, "INCR n"), command(4, "INCR n"), command(5, "SET other v"));
    await records.del("jn");
    expect(await replay(command(3, "FLUSHALL"))).toEqual(["applied", "evicted"]);
    expect(await region.keys("*")).toEqual(["other"]);
  });

  it("goes on with a value too large to be kept for as long as commands come in order", async () => {
    await replay(
      command(1, `SET k ${randomBytes(50_000).toString("hex")}`),
      command(2, "APPEND k w"),
      command(4, "APPEND k x"),
    );
    expect(await region.strlen("k")).toBe(100_002);
    expect(await replay(command(2, "APPEND k w"), command(3, "APPEND k late"))).toEqual(["stale", "folded"]);
    expect(await region.exists("k")).toBe(0);
  });

  it("is not taken in by reads, which carry on the rehashing of a large table", async () => {
    const field = () => randomBytes(40).toString("hex");
    await replay(command(1, `HSET h ${Array.from({ length: 1000 }, (_, index) => `f${index} ${field()}`).join(" ")}`));
    for (let count = 0; count < 60; count += 1) {
      expect(await replay(command(2 + count, `HSET h g${count} ${field()}`))).toEqual(["applied"]);
      for (let reads = 0; reads < 20; reads += 1) await region.hget("h", "f1");
    }
    expect(await region.hlen("h")).toBe(1060);
  });

  it("tells regional writes and evictions from late commands where a value is too large to be kept", async () => {
    const long = randomBytes(50_000).toString("hex");
    await replay(
      ...["a", "b", "c"].flatMap((key) => [command(1, `SET ${key} ${long}`), command(3, `APPEND ${key} w`)]),
    );
    await region.append("a", "regional");
    await region.del("b");
    expect(await replay(...["a", "b"].map((key) => command(4, `APPEND ${key} x`)))).toEqual(["local", "evicted"]);
    expect(await replay(command(2, "APPEND c late"))).toEqual(["folded"]);
  });

  it("lets a value too large to be kept expire before the command that sets its expiry has come", async () => {
    const long = randomBytes(50_000).toString("hex");
    await replay(command(1, `SET k ${long}`), command(2, "APPEND k w"), command(3, "PEXPIRE k 100"));
    expect(await region.exists("k")).toBe(0);
    expect(await replay(command(4, "PEXPIRE k 1000 GT"), command(200, "APPEND k after"))).toEqual(["expired", "held"]);
    await replay(command(301, `SET k ${long}`), command(302, "APPEND k w"), command(303, "PEXPIRE k 100 LT"));
    expect(await replay(command(500, "APPEND k after"), command(501, "APPEND k wards"))).toEqual([
      "applied",
      "applied",
    ]);
    expect(await region.get("k")).toBe("afterwards");
    await replay(command(601, `SET k ${long}`), command(602, "PEXPIRE k 600000"), command(603, "PEXPIRE k 100 GT"));
    expect(await region.pexpiretime("k")).toBe(startMs + 600_602);
  });

  it("reports records that it cannot read as poison, not as something to try again", async () => {
    await replay(command(1, "INCR n"), command(3, "SET other v"));
    await records.set("jn", "damaged");
    for (const name of ["INCR n", "FLUSHALL"]) {
      expect(await replayer.apply([command(2, name)])).toMatchObject({
        poison: [{ command: name.split(" ", 1).join() }],
        transient: [],
      });
    }
  });

  it("sweeps what is older than a FLUSHALL out of a key that has newer commands too", async () => {
    await replay(command(1, "RPUSH l old"), command(4, "RPUSH l new"), command(1, "SADD s a"), command(5, "SET k v"));
    await replay(command(3, "FLUSHALL"));
    expect(await region.lrange("l", 0, -1)).toEqual(["new"]);
    expect(await region.exists("s", "k")).toBe(1);
    expect(await replay(command(2, "SADD s b"), command(4, "SADD s c"))).toEqual(["stale", "applied"]);
    expect(await region.smembers("s")).toEqual(["c"]);
  });

  it("sweeps under commands that left nothing: without what was there before they may leave something", async () => {
    await replay(command(1, "SADD s a"), command(3, "RPUSH s x"), command(4, "SREM s a"), command(5, "SET k v"));
    await replay(command(1, "SET timed v PX 50"), command(3, "RPUSH timed x"));
    expect(await region.keys("*")).toEqual(["k"]);
    expect(await replay(command(2, "FLUSHALL"))).toEqual(["applied"]);
    expect(await region.lrange("s", 0, -1)).toEqual(["x"]);
    expect(await region.lrange("timed", 0, -1)).toEqual(["x"]);
    expect(await region.get("k")).toBe("v");
  });

  it("forgets a key where a FLUSHALL belongs among commands that only their sum is known of", async () => {
    await replayer.apply(Array.from({ length: 600 }, (_, index) => command(2 * index + 2, "INCR n")));
    await replay(command(1, "SET k v"), command(2000, "SET l v"));
    expect(await replay(command(3, "FLUSHALL"))).toEqual(["applied", "folded"]);
    expect(await region.keys("*")).toEqual(["l"]);
    expect(await replay(command(1300, "INCR n"), command(1301, "SET n 1"), command(1302, "INCR n"))).toEqual([
      "held",
      "applied",
      "applied",
    ]);
  });

  /** Mostly about fields that expire while others count on them; a server that has no such fields takes what it knows. */
  function commandOnFields(random: Random): string {
    const field = random.pick(["a", "b", "c"]);
    return random.pick([
      `HPEXPIRE key1 ${1 + random.below(150)} FIELDS 1 ${field}`,
      `HPEXPIRE key1 ${1 + random.below(150)}${random.pick([" NX", " GT", " LT"])} FIELDS 3 a b c`,
      `HSETEX key1 PX ${1 + random.below(150)} FIELDS 1 ${field} 5`,
      `HGETEX key1 PX ${1 + random.below(150)} FIELDS 1 ${field}`,
      `HPERSIST key1 FIELDS 1 ${field}`,
      `HINCRBY key1 ${field} 1`,
      `HINCRBY key1 ${field} 10`,
      `HDEL key1 ${field}`,
      `HSET key1 ${field} 3`,
      `PEXPIRE key1 ${1 + random.below(300)}`,
    ]);
  }

  it.each([
    ["all kinds", randomCommand],
    ["fields of hashes", commandOnFields],
  ])(`equals the commands run in the order of their stamps: %s, ${SCHEDULES} random schedules`, async (_, draw) => {
    const known = new Set(((await model.call("COMMAND", "LIST")) as string[]).map((name) => name.toUpperCase()));
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const random = new Random(seed);
      await wipe();
      // The last expiries are reached while commands are still replayed.
      startMs = Date.now() - 2060;
      const lines = Array.from({ length: COMMANDS }, () => draw(random, known));
      const commands = lines
        .filter((line) => known.has(line.split(" ", 1).join()))
        .map((line) => {
          const stamp = { ms: startMs + random.below(2000), counter: random.below(3), origin: random.below(9999) };
          return stamped(stamp, line);
        });
      const shims = [newReplayer(), newReplayer()];
      const order = random.shuffle([...commands, ...commands.filter(() => random.chance(0.5))]);
      while (order.length > 0) {
        const outcome = await random.pick(shims).apply(order.splice(0, 1 + random.below(5)));
        expect(outcome).toMatchObject({ transient: [], poison: [], doubts: new Map() });
      }
      await sleep(Math.max(0, startMs + 2130 - Date.now()));
      await fold(model, commands, Date.now());
      expect({ seed, contents: await contents(region, keys) }).toEqual({ seed, contents: await contents(model, keys) });
    }
  });
});
