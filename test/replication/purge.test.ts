import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import type { StampedCommand } from "../../shim/replication/envelope";
import { Figures } from "../../shim/replication/figures";
import { normalise } from "../../shim/replication/normalisation";
import { PURGE, Purger } from "../../shim/replication/purge";
import { Replayer } from "../../shim/replication/replayer";
import type { ReplayOutcome } from "../../shim/replication/replayOutcome";
import { stampText } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const horizonMs = 600_000;

describeWithServer("a purge by pattern", () => {
  let server: ConnectedServer;
  let client: Redis;
  let connections: [Redis, Redis];
  let replayers: [Replayer, Replayer];
  let purgers: [Purger, Purger];
  let purged: Map<string, number>;
  let registry: Registry;
  let startMs: number;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
    connections = [server.connect(), server.connect()];
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    await client.flushall();
    startMs = Date.now();
    purged = new Map();
    registry = new Registry();
    const figures = new Figures("00000001", { commands: 0, bytes: 0 }, () => [], registry);
    const start = { ms: 0, counter: 0, origin: 0 };
    const [one, two] = connections.map((cluster): [Replayer, Purger] => {
      const replayer = new Replayer(cluster, horizonMs, start);
      const count = (name: string, outcome: ReplayOutcome) => {
        purged.set(name, (purged.get(name) ?? 0) + outcome.applied);
        figures.purged(name, outcome);
      };
      return [replayer, new Purger({ cluster, replayer, purged: count })];
    });
    replayers = [one![0], two![0]];
    purgers = [one![1], two![1]];
  });

  /** The command as accepted `at` milliseconds after the test began. */
  function command(at: number, line: string): StampedCommand {
    const args = line.split(" ").map((word) => Buffer.from(word));
    const stamp = { ms: startMs + at, counter: 0, origin: 1 };
    return { stamp, args: String(args[0]) === PURGE ? args : normalise(String(args[0]), args, stamp) };
  }

  it("deletes what is older, with or without a record, and leaves what is newer or does not match", async () => {
    await client.mset("user:local", "v", "other", "v");
    await replayers[0].apply([
      command(1, "SET user:1 old"),
      command(1, "INCR user:counter"),
      command(9, "SET user:2 newer"),
      command(9, "INCR user:counter"),
    ]);
    await purgers[0].run(command(5, `${PURGE} user:*`));
    expect(await client.mget("user:local", "user:1", "user:2", "user:counter", "other")).toEqual([
      null,
      null,
      "newer",
      "1",
      "v",
    ]);
    expect([...purged]).toEqual([[`${stampText(command(5, PURGE).stamp)} user%3A*`, 3]]);
  });

  it("is not undone by older commands that come later, to whichever shim", async () => {
    await purgers[0].run(command(5, `${PURGE} user:*`));
    await replayers[1].apply([
      command(1, "SET user:1 late"),
      command(2, "HSET user:2 f late"),
      command(3, "MSET user:3 late other late"),
      command(6, "SET user:4 newer"),
    ]);
    expect(await client.keys("*")).toEqual(expect.arrayContaining(["other", "user:4"]));
    expect(await client.dbsize()).toBe(2);
    await replayers[0].apply([command(7, "INCR user:2"), command(1, "SET user:1 late")]);
    expect(await client.mget("user:1", "user:2")).toEqual([null, "1"]);
  });

  it("goes under newer commands that left nothing, and that leave something without what was there", async () => {
    await replayers[0].apply([
      command(1, "SADD user:1 a"),
      command(9, "RPUSH user:1 x"),
      command(10, "SREM user:1 a"),
      command(1, "SADD other a"),
      command(9, "RPUSH other x"),
      command(10, "SREM other a"),
    ]);
    expect(await client.dbsize()).toBe(0);
    await purgers[0].run(command(5, `${PURGE} user:*`));
    expect(await client.keys("*")).toEqual(["user:1"]);
    expect(await client.lrange("user:1", 0, -1)).toEqual(["x"]);
  });

  it("counts the keys of which it cannot tell what they should hold", async () => {
    await replayers[0].apply(Array.from({ length: 600 }, (_, index) => command(index + 1, "INCR user:n")));
    await purgers[0].run(command(3, `${PURGE} user:*`));
    expect(await client.exists("user:n")).toBe(0);
    expect(await registry.metrics()).toContain('redis_on_fly_doubtful_deletions_total{reason="folded"} 1');
  });

  it("is remembered for as long as records are, whatever is purged meanwhile", async () => {
    const HOUR = 3_600_000;
    await replayers[0].rotate(startMs, 1 << 26);
    // Since then something has been behind.
    for (const name of ["began", "beganBefore"]) {
      await client.eval("redis.call('SELECT', 1) redis.call('HINCRBY', 'm', ARGV[1], ARGV[2])", 0, name, -3 * HOUR);
    }
    await purgers[0].run(command(-2 * HOUR + 5, `${PURGE} user:*`));
    await purgers[0].run(command(-HOUR, `${PURGE} other:*`));
    await replayers[1].apply([command(-2 * HOUR, "SET user:1 late"), command(-2 * HOUR, "SET kept late")]);
    expect(await client.keys("*")).toEqual(["kept"]);
  });

  it("makes older commands doubtful where so many came since that it was forgotten", async () => {
    await replayers[0].apply(["a", "b", "c", "d"].map((key) => command(1, `DEL user:${key}`)));
    for (let count = 0; count <= 64; count += 1) {
      const pattern = count === 30 ? "user:*" : `pattern${count}:*`;
      // Not in the order of their stamps.
      await purgers[0].run(command(5 + ((count + 35) % 65), `${PURGE} ${pattern}`));
    }
    await replayers[0].apply([command(200, "INCR user:c")]);
    const { doubts, applied } = await replayers[1].apply([
      ...["a", "b"].map((key) => command(3, `SET user:${key} old`)),
      command(4, "INCR user:c"),
      command(4, "SET user:new old"),
      command(4, "DEL user:d"),
    ]);
    expect([applied, ...doubts]).toEqual([1, ["late", 4]]);
    await replayers[1].apply([
      command(6, "SET other older"),
      command(80, "SET user:a newer"),
      command(80, "INCR user:e"),
    ]);
    expect((await client.keys("*")).sort()).toEqual(["other", "user:a", "user:e"]);
  });

  it("is carried out where it is older than as many as a region keeps, and all of these are to be forgotten as well", async () => {
    await replayers[0].apply([command(1, "SET user:1 old")]);
    for (let count = 0; count < 64; count += 1) await purgers[0].run(command(10 + count, `${PURGE} pattern${count}:*`));
    // As if all that can still come were newer than they.
    await client.multi().select(1).hset("m", "beganBefore", startMs).select(0).exec();
    await purgers[0].run(command(5, `${PURGE} user:*`));
    expect(await client.keys("*")).toEqual([]);
  });

  it("changes nothing when it comes again", async () => {
    const purge = command(5, `${PURGE} user:*`);
    await Promise.all([purgers[0].run(purge), purgers[1].run(purge), purgers[0].run(purge)]);
    await client.set("user:local", "written since");
    for (const purger of purgers) await purger.run(purge);
    expect(await client.get("user:local")).toBe("written since");
  });

  it("goes on where a shim died in its middle", async () => {
    await client.mset(Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`user:${index}`, "v"])));
    const dying = server.connect({ retryStrategy: () => null, maxRetriesPerRequest: 0 });
    dying.on("error", () => {});
    const replayer = new Replayer(dying, horizonMs, { ms: 0, counter: 0, origin: 0 });
    const purge = command(5, `${PURGE} user:*`);
    const died = new Purger({ cluster: dying, replayer, purged: () => dying.disconnect() }).run(purge);
    await expect(died).rejects.toThrow();
    expect(await client.dbsize()).toBeGreaterThan(0);
    await purgers[0].run(purge);
    expect(await client.dbsize()).toBe(0);
  });
});
