import { randomBytes } from "node:crypto";
import { beforeAll, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import type { StampedCommand } from "../../shim/replication/envelope";
import { Figures } from "../../shim/replication/figures";
import { doubtReasons } from "../../shim/replication/replayOutcome";
import { horizonMs, ReplayedRegion } from "../support/replayedRegion";
import { describeWithServer } from "../support/servers";

describeWithServer("journal", () => {
  const here = new ReplayedRegion();
  const { command, commandAfter, replay } = here;
  let region: Redis;
  let records: Redis;

  beforeAll(() => {
    ({ region, records } = here);
  });

  it("puts a command that comes late into its place", async () => {
    const commands = [command(1, "SET n 10"), command(3, "INCRBY n 5"), command(2, "APPEND n 0"), command(4, "INCR n")];
    expect(await replay(...commands)).toEqual(["applied", "applied", "applied", "applied"]);
    expect(await region.get("n")).toBe("106");
    expect(await replay(...commands)).toEqual(["stale", "stale", "stale", "stale"]);
  });

  it("knows MSETEX for an overwrite of each of its keys", async () => {
    const commands = [command(2, "MSETEX 2 n 5 m 6 EX 100"), command(1, "SET n 1"), command(3, "INCR m")];
    expect(await replay(...commands, ...commands)).toEqual([
      ...["applied", "stale", "applied"],
      ...["stale", "stale", "stale"],
    ]);
    expect([await region.get("n"), await region.get("m")]).toEqual(["5", "7"]);
    expect(await region.pexpiretime("m")).toBe(here.startMs + 2 + 100_000);
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

  it("takes what database 0 wrote for gone once its time has come, though the server has not deleted it yet", async () => {
    const timeMs = async () => {
      const [seconds, microseconds] = await region.time();
      return Number(seconds) * 1000 + Number(microseconds) / 1000;
    };
    const expired = async (key: string) => {
      await region.psetex(key, 1, "99");
      for (const writtenMs = await timeMs(); (await timeMs()) < writtenMs + 3; );
    };
    await replay(command(1, "SET n 10"), command(2, "INCR n"));
    await expired("n");
    expect(await replay(command(3, "INCR n"))).toEqual(["applied"]);
    expect(await region.get("n")).toBe("12");
    await expired("m");
    expect(await replay(command(5, "APPEND m b"), command(4, "APPEND m a"))).toEqual(["applied", "applied"]);
    expect(await region.get("m")).toBe("ab");
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
    here.replayer = here.newReplayer({ ms: here.startMs + 20, counter: 0, origin: 0 });
    await region.flushall();
    expect(await replay(command(10, "SET k older"))).toEqual(["lost"]);
    expect(await replay(command(30, "SET k v"))).toEqual(["applied"]);
  });

  it("counts the keys that it deletes out of doubt, by the reason", async () => {
    const registry = new Registry();
    const figures = new Figures("00000001", { commands: 0, bytes: 0 }, () => [], registry);
    const count = async (...commands: StampedCommand[]) => figures.replayed("bus", await here.replayer.apply(commands));
    const long = randomBytes(50_000).toString("hex");
    here.replayer = here.newReplayer({ ms: 0, counter: 0, origin: 0 });
    await replay(
      ...["local", "evicted"].map((key) => command(1, `SET ${key} 10`)),
      ...["expired", "folded"].flatMap((key) => [command(1, `SET ${key} ${long}`), command(3, `APPEND ${key} w`)]),
      command(4, "PEXPIRE expired 1"),
    );
    await region.set("local", 11);
    await region.del("evicted");
    await count(command(-horizonMs, "SET late v"));
    await count(command(5, "INCR local"), command(5, "INCR evicted"), command(2, "APPEND folded v"));
    await count(commandAfter(4, "PERSIST expired"), command(6, "INCR local"));
    await replay(command(1, "INCR failed"));
    await records.set("jfailed", "damaged");
    await count(command(2, "INCR failed"));
    await region.flushall();
    await count(command(1, "SET lost v"));
    const lines = (await registry.metrics()).match(/^redis_on_fly_doubtful_deletions_total.*$/gm);
    const reasons = Object.values(doubtReasons).map((reason) => `{reason="${reason}"} 1`);
    expect(lines?.sort()).toEqual(reasons.map((each) => `redis_on_fly_doubtful_deletions_total${each}`).sort());
    expect(figures.snapshot().doubtful).toBe(reasons.length);
  });

  it("counts the keys of which a FLUSHALL finds the journals evicted", async () => {
    await replay(command(1, "INCR n"), command(4, "INCR n"), command(5, "SET other v"));
    await records.del("jn");
    expect(await replay(command(3, "FLUSHALL"))).toEqual(["applied", "evicted"]);
    expect(await region.keys("*")).toEqual(["other"]);
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

  it("holds nothing where it fails over a command, which is poison, and replays what comes with it", async () => {
    const incr = (at: number) => ["before", "n", "after"].map((key) => command(at, `INCR ${key}`));
    await replay(...incr(1));
    await records.set("jn", "damaged");
    expect(await here.replayer.apply(incr(2))).toMatchObject({
      applied: 2,
      doubts: new Map([["failed", 1]]),
      poison: [{ command: "INCR", error: expect.stringContaining("WRONGTYPE") }],
      transient: [],
    });
    expect(await region.mget("before", "n", "after")).toEqual(["2", null, "2"]);
    expect(await here.replayer.apply(incr(2))).toMatchObject({ stale: 2, doubts: new Map() });
    expect(await replay(command(3, "INCR n"), command(4, "SET n 7"), command(5, "INCR n"))).toEqual([
      "held",
      "applied",
      "applied",
    ]);
    expect(await region.get("n")).toBe("8");
  });

  it("fails over it again whenever it comes again, until a newer overwrite, and counts that once", async () => {
    await replay(command(1, "INCR n"));
    await records.set("jn", "damaged");
    const poison = [{ command: "INCR", error: expect.stringContaining("WRONGTYPE") }];
    expect(await here.replayer.apply([command(2, "INCR n")])).toMatchObject({
      doubts: new Map([["failed", 1]]),
      poison,
    });
    expect(await here.replayer.apply([command(2, "INCR n")])).toMatchObject({ doubts: new Map(), poison });
    expect(await here.replayer.apply([command(1, "INCR n")])).toMatchObject({ stale: 1, poison: [] });
    expect(await replay(command(3, "INCR n"))).toEqual(["held"]);
    expect(await here.replayer.apply([command(2, "INCR n")])).toMatchObject({ doubts: new Map(), poison });
    await replay(command(4, "SET n 7"));
    expect(await here.replayer.apply([command(2, "INCR n")])).toMatchObject({ stale: 1, poison: [] });
  });

  it("tries again what the server's users may not do for now, and loses nothing meanwhile", async () => {
    await replay(command(1, "SET k v"), command(1, "RPUSH l a"));
    const commands = (at: number) => [command(at, "APPEND k w"), command(at, "RPUSH l b")];
    let at = 2;
    for (const [name, refused] of Object.entries({ dump: ["APPEND", "RPUSH"], append: ["APPEND"], rpush: ["RPUSH"] })) {
      await region.call("ACL", "SETUSER", "default", `-${name}`);
      const outcome = await here.replayer.apply(commands(at));
      await region.call("ACL", "SETUSER", "default", `+${name}`);
      expect(outcome).toMatchObject({ applied: 2 - refused.length, errors: [], poison: [], doubts: new Map() });
      expect(outcome.transient.map(({ command: tried }) => tried)).toEqual(refused);
      await replay(...commands(at));
      at += 1;
    }
    expect(await region.get("k")).toBe("vwww");
    expect(await region.lrange("l", 0, -1)).toEqual(["a", "b", "b", "b"]);
  });

  it("takes errors for what the server says, not for what a client's words in them say", async () => {
    await replay(command(1, "XADD s 1-1 f v"));
    const quoted = [
      "ACL failure in script",
      "The user executing the script",
      "OOM",
      "command called from script",
      "command is not allowed from script",
    ];
    for (const [index, words] of quoted.entries()) {
      const args = ["XGROUP", "SETID", "s", words, "$"].map((word) => Buffer.from(word));
      const outcome = await here.replayer.apply([{ ...command(2 + index, "PING"), args }]);
      expect(outcome).toMatchObject({ transient: [], poison: [], errors: [{ command: "XGROUP" }] });
    }
  });

  it("replays what comes with a command whose records cannot even be read", async () => {
    await replay(command(1, "INCR n"));
    const [bucket = ""] = await records.keys("g*");
    await records.set(bucket, "damaged");
    const outcome = await here.replayer.apply(["before", "n", "after"].map((key) => command(2, `INCR ${key}`)));
    expect(outcome).toMatchObject({ applied: 2, poison: [{ command: "INCR" }], transient: [] });
    expect(await region.mget("before", "n", "after")).toEqual(["1", "1", "1"]);
  });

  it("holds nothing where an overwrite among others fails", async () => {
    const set = (at: number) => ["before", "k", "after"].map((key) => command(at, `SET ${key} ${at}`));
    await replay(command(1, "APPEND k v"));
    await records.set("jk", "damaged");
    expect(await here.replayer.apply(set(2))).toMatchObject({ applied: 2, doubts: new Map([["failed", 1]]) });
    expect(await region.mget("before", "k", "after")).toEqual(["2", null, "2"]);
    expect(await here.replayer.apply(set(3))).toMatchObject({ applied: 3 });
  });

  it("holds nothing under a key over which a FLUSHALL fails, and carries it out to its end", async () => {
    await replay(command(1, "SET old v"), command(1, "INCR n"), command(4, "SET other v"));
    await records.set("jn", "damaged");
    expect(await here.replayer.apply([command(3, "FLUSHALL")])).toMatchObject({
      applied: 1,
      doubts: new Map([["failed", 1]]),
      poison: [{ command: "FLUSHALL", error: expect.stringContaining("WRONGTYPE") }],
      transient: [],
    });
    expect(await region.keys("*")).toEqual(["other"]);
    expect(await replay(command(3, "FLUSHALL"))).toEqual(["stale"]);
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
});
