import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { keys, randomCommand, wordsOf } from "../../chaos/commands";
import { contents, fold } from "../../chaos/model";
import { Random } from "../../chaos/random";
import { Server } from "../../local/servers";
import type { StampedCommand } from "../../shim/replication/envelope";
import { normalise } from "../../shim/replication/normalisation";
import { Replayer } from "../../shim/replication/replayer";
import type { Stamp } from "../../shim/replication/stamp";
import { describeWithServer, serverWithFieldExpiries } from "../support/servers";

const horizonMs = 600_000;
const SCHEDULES = 40;
const COMMANDS = 40;

describeWithServer("journal", () => {
  let servers: Server[];
  let model: Redis;
  let region: Redis;
  let records: Redis;
  let replayer: Replayer;
  let startMs: number;

  beforeAll(async () => {
    const program = serverWithFieldExpiries();
    servers = [await Server.start(program), await Server.start(program)];
    model = new Redis(servers[0]!.url);
    region = new Redis(servers[1]!.url);
    records = new Redis(servers[1]!.url, { db: 1 });
  });

  afterAll(async () => {
    for (const client of [model, region, records]) client.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  });

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

  it("reports records that it cannot read as poison, not as something to try again", async () => {
    await replay(command(1, "INCR n"));
    await records.set("jn", "damaged");
    expect(await replayer.apply([command(2, "INCR n")])).toMatchObject({
      poison: [{ command: "INCR" }],
      transient: [],
    });
  });

  it("sweeps what is older than a FLUSHALL out of a key that has newer commands too", async () => {
    await replay(command(1, "RPUSH l old"), command(4, "RPUSH l new"), command(1, "SADD s a"), command(5, "SET k v"));
    await replay(command(3, "FLUSHALL"));
    expect(await region.lrange("l", 0, -1)).toEqual(["new"]);
    expect(await region.exists("s", "k")).toBe(1);
    expect(await replay(command(2, "SADD s b"), command(4, "SADD s c"))).toEqual(["stale", "applied"]);
    expect(await region.smembers("s")).toEqual(["c"]);
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
