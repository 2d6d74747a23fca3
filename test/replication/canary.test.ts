import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { Network } from "../../chaos/network";
import { Random } from "../../chaos/random";
import { purgeCommand } from "../../shim/commands/policy";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import { EnvelopeCodec, type EnvelopeKey } from "../../shim/replication/envelope";
import { parseReport, Regions } from "../../shim/replication/regions";
import { Replayer } from "../../shim/replication/replayer";
import type { Replication } from "../../shim/replication/replication";
import { Segment } from "../../shim/replication/segment";
import { stampText } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { type JoinedOptions, newReplication } from "../support/replications";
import { describeWithServer } from "../support/servers";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const regions = ["us-east-1", "eu-west-1", "ap-northeast-1"] as const;
const envelopeKeys: readonly [EnvelopeKey] = [{ id: 1, key: randomBytes(32) }];
/** What the first version with canaries says in them: every later one must read it. */
const canary = JSON.stringify({
  reads: 2,
  intervalMs: 5000,
  leaving: false,
  outboxCommands: 0,
  outboxBytes: 0,
  applied: 3,
  stale: 1,
  doubtful: 0,
  failed: 0,
  poison: 0,
  lagMs: { "us-east-1": 12 },
});
const commands = new Map([...packagedSpecifications(), purgeCommand].map((command) => [command.name, command]));

describeWithServer("canaries", () => {
  let servers: ConnectedServer[];
  let clients: Redis[];
  let network: Network;
  let open: Replication[] = [];

  beforeAll(async () => {
    servers = await Promise.all(regions.map(() => ConnectedServer.start()));
    clients = servers.map((server) => server.connect());
  });

  beforeEach(async () => {
    // A new server trusts nothing from before its time: these have been there for a while.
    const before = stampText({ ms: Date.now() - 9 * HOUR, counter: 0, origin: 0 });
    for (const client of clients) {
      await client.multi().flushall().select(1).hset("m", "newest", before).select(0).exec();
    }
    network = new Network(
      regions,
      { duplicate: 0.2, reorder: 0.2, drop: 0, lostAcknowledgement: 0, lose: 0 },
      new Random(1),
    );
  });

  afterEach(async () => {
    network.heal();
    await Promise.all(open.map((replication) => replication.drain(1000)));
    open = [];
  });

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  async function join(index: 0 | 1 | 2, options: Partial<JoinedOptions> = {}): Promise<Replication> {
    const replication = newReplication(servers[index]!, {
      region: regions[index],
      bus: network.end(regions[index]),
      envelopeKeys,
      ...options,
    });
    open.push(replication);
    await replication.start();
    return replication;
  }

  function accept(replication: Replication, line: string) {
    const args = line.split(" ").map((word) => Buffer.from(word));
    return replication.accept(commands.get(String(args[0])) as CommandSpecification, args);
  }

  function send(replication: Replication, line: string): void {
    expect(accept(replication, line)).toEqual({ ok: true });
  }

  /** Publishes a command as a shim of a region that was cut off did, so long ago. */
  async function published(
    region: (typeof regions)[number],
    agoMs: number,
    ...words: readonly string[]
  ): Promise<void> {
    const stamp = { ms: Date.now() - agoMs, counter: 0, origin: 77 };
    const segment = new Segment(stamp.origin);
    segment.append({ stamp, args: words.map((word) => Buffer.from(word)) });
    await network.end(region).publish(new EnvelopeCodec(envelopeKeys).seal(region, segment));
  }

  function recordOf(client: Redis, name: string): Promise<unknown> {
    return client.eval("redis.call('SELECT', 1) return redis.call('HGET', 'm', ARGV[1])", 0, name);
  }

  /** As if all that a region has on record had been written twelve minutes earlier, a horizon and a bit. */
  async function age(client: Redis): Promise<void> {
    const earlier =
      "redis.call('SELECT', 1) for _, name in ipairs(ARGV) do redis.call('HINCRBY', 'm', name, -720000) end";
    await client.eval(earlier, 0, "began", "beganBefore");
  }

  it("lets every shim know all regions, whichever shim of its region got the canary", async () => {
    const shims = [await join(0), await join(0), await join(1), await join(2)];
    const known = { shims: 1, reads: 2, poison: 0, canaryAgeMs: expect.any(Number) };
    await eventually(() => {
      for (const shim of shims) {
        expect(shim.regionFigures()).toEqual({
          "us-east-1": expect.objectContaining({ ...known, shims: 2 }),
          "eu-west-1": expect.objectContaining({
            ...known,
            lagMs: expect.objectContaining({ "us-east-1": expect.any(Number) }),
          }),
          "ap-northeast-1": expect.objectContaining(known),
        });
      }
    });
  });

  it("tells a shim that has just started what the region's others know", async () => {
    await Promise.all([join(0), join(1)]);
    const names = (shim: Replication) => Object.keys(shim.regionFigures()).sort();
    await eventually(() => expect(names(open[0]!)).toEqual(["eu-west-1", "us-east-1"]));
    network.cut("us-east-1");
    const other = await join(0);
    await eventually(() => expect(names(other)).toEqual(["eu-west-1", "us-east-1"]));
  });

  it("takes back a shim that has left, and a region that all shims have left", async () => {
    const [us, eu, other] = await Promise.all([join(0), join(1), join(1)]);
    const shimsOfEu = () => us.regionFigures()["eu-west-1"]?.shims;
    await eventually(() => expect(shimsOfEu()).toBe(2));
    await eu.drain(1000);
    await eventually(() => expect(shimsOfEu()).toBe(1));
    await other.drain(1000);
    await eventually(() => expect(us.regionFigures()).not.toHaveProperty("eu-west-1"));
    open = [us];
  });

  it("shows how old canaries are, how late envelopes come and how far clocks are apart", async () => {
    const registry = new Registry();
    await Promise.all([join(0, { registry }), join(1)]);
    await published("ap-northeast-1", HOUR, "ECHO", canary);
    await eventually(async () => {
      const figures = await registry.metrics();
      expect(figures).toMatch(/redis_on_fly_canary_age_seconds\{region="eu-west-1"\} 0\.\d+/);
      expect(figures).toMatch(/redis_on_fly_canary_age_seconds\{region="ap-northeast-1"\} 36\d\d/);
      expect(figures).toMatch(/redis_on_fly_replication_lag_seconds_count\{region="eu-west-1"\} [1-9]/);
      expect(figures).toMatch(/redis_on_fly_clock_ahead_seconds\{region="ap-northeast-1"\} -36\d\d/);
    });
  });

  it("passes over a canary of a later version that it cannot read", async () => {
    const us = await join(0);
    for (const text of ["{}", "nonsense", '{"reads":"all"}']) await published("eu-west-1", 0, "ECHO", text);
    await published("eu-west-1", 0, "SET", "beside", "v");
    await eventually(async () => expect(await clients[0]!.get("beside")).toBe("v"));
    expect(us.regionFigures()).not.toHaveProperty("eu-west-1");
    expect(us.figures().poison).toBe(0);
  });

  it("forgets who has been silent for two weeks", async () => {
    const us = await join(0);
    await published("eu-west-1", 14 * 24 * HOUR + 1000, "ECHO", canary);
    await published("eu-west-1", 0, "SET", "beside", "v");
    await eventually(async () => expect(await clients[0]!.get("beside")).toBe("v"));
    await eventually(() => expect(Object.keys(us.regionFigures())).toEqual(["us-east-1"]));
  });

  it("keeps everybody to the oldest version that some shim reads, while plain commands flow both ways", async () => {
    const end = network.end(regions[0]);
    /** Envelopes that a shim of before version 2 could not open. */
    const unreadable: string[] = [];
    const receive = async (signal: AbortSignal) => {
      const deliveries = await end.receive(signal);
      unreadable.push(...deliveries.map(({ body }) => body).filter((body) => Buffer.from(body, "base64url")[0] !== 1));
      return deliveries;
    };
    const pinned = await join(0, { envelopeVersion: 1, bus: { ...end, receive } });
    const eu = await join(1);
    const regionsThere = new Regions(clients[1]!, 2);
    const versions = async () => {
      await regionsThere.recall(Date.now());
      const reads = Object.values(regionsThere.figures(Date.now())).map((each) => each.reads);
      return [...reads.sort(), regionsThere.everyRegionReads(1), regionsThere.everyRegionReads(2)];
    };
    expect(regionsThere.everyRegionReads(1)).toBe(false);
    regionsThere.arrived("ap-northeast-1", { ms: Date.now(), counter: 0, origin: 1 });
    await eventually(async () => expect(await versions()).toEqual([1, 2, false, false]));
    send(pinned, "SET from-pinned v");
    send(eu, "SET from-eu v");
    await eventually(async () => {
      for (const client of clients.slice(0, 2)) expect(await client.mget("from-pinned", "from-eu")).toEqual(["v", "v"]);
    });
    for (const shim of [pinned, eu]) {
      expect(accept(shim, "FLY.PURGE from-*")).toEqual({ ok: false, error: expect.stringContaining("upgrade them") });
      expect(accept(shim, `SET large ${"v".repeat(300_000)}`)).toEqual({
        ok: false,
        error: expect.stringContaining("upgrade them"),
      });
      const sent = { first: 1, last: shim.newestEnvelope };
      expect(await shim.wait(sent, 1, 1, () => false)).toContain("upgrade them");
    }
    send(eu, "SET last v");
    await eventually(async () => expect(await clients[0]!.get("last")).toBe("v"));
    // What was sent before and has been overtaken comes by then.
    const canaries = end.published.length;
    await eventually(() => expect(end.published.length).toBeGreaterThan(canaries + 3));
    expect(unreadable).toEqual([]);
    expect([pinned.figures().poison, eu.figures().poison]).toEqual([0, 0]);
    await pinned.drain(1000);
    open = [eu, await join(0)];
    // A region that has sent commands, and never a canary.
    await eventually(async () => expect(await versions()).toEqual([2, 2, false, false]));
    await join(2);
    await eventually(async () => expect(await versions()).toEqual([2, 2, 2, true, true]));
    await eventually(() => expect(accept(eu, "FLY.PURGE from-*")).toEqual({ ok: true }));
    await eventually(async () => expect(await clients[0]!.exists("from-pinned", "from-eu")).toBe(0));
    expect(eu.figures().poison).toBe(0);
  });

  it("changes nothing in a shim that does not know what a canary is, and replays it", async () => {
    const stamp = { ms: Date.now(), counter: 0, origin: 1 };
    const replayer = new Replayer(clients[0]!, 600_000, stamp);
    const outcome = await replayer.apply([{ stamp, args: ["ECHO", canary].map((word) => Buffer.from(word)) }]);
    expect(outcome).toMatchObject({ applied: 1, errors: [], poison: [], transient: [] });
    expect(await clients[0]!.keys("*")).toEqual([]);
  });

  it("keeps what a region pushes from becoming deletes, however long its way is interrupted", async () => {
    const shims = await Promise.all([join(0), join(2)]);
    const regionsThere = [clients[0]!, clients[2]!];
    await published("eu-west-1", 50 * MINUTE, "ECHO", canary);
    await eventually(() => {
      for (const shim of shims) expect(shim.regionFigures()).toHaveProperty("eu-west-1");
    });
    const before = await Promise.all(regionsThere.map((client) => recordOf(client, "generation")));
    for (let count = 0; count < 4; count += 1) {
      for (const client of regionsThere) {
        await age(client);
        await eventually(async () =>
          expect(Number(await recordOf(client, "waited"))).toBeGreaterThan(Date.now() - 100),
        );
      }
    }
    await published("eu-west-1", 45 * MINUTE, "SET", "pushed", "v");
    for (const client of regionsThere) {
      await eventually(async () => expect(await client.get("pushed")).toBe("v"));
    }
    expect(await Promise.all(regionsThere.map((client) => recordOf(client, "generation")))).toEqual(before);
  });

  it("waits for a shim that cannot publish beside one that can, for an hour", async () => {
    const nowMs = Date.now();
    const regionsThere = new Regions(clients[0]!, 2);
    const hear = (region: string, origin: number, agoMs: number, text = canary) => {
      const sent = { ms: nowMs - agoMs, counter: 0, origin };
      return regionsThere.hear({ region, origin, sent, report: parseReport(text)! });
    };
    await hear("us-east-1", 1, 0);
    await hear("eu-west-1", 2, 50 * MINUTE);
    await hear("eu-west-1", 3, 10);
    await hear("eu-west-1", 4, 55 * MINUTE, canary.replace('"leaving":false', '"leaving":true'));
    expect(regionsThere.heardMs()).toBe(nowMs - 50 * MINUTE);
    expect(regionsThere.figures(nowMs)["eu-west-1"]).toMatchObject({ shims: 1 });
    await hear("eu-west-1", 3, -11 * MINUTE);
    expect(regionsThere.heardMs()).toBe(nowMs);
  });

  it("undoes what a region pushes that was purged while its way was interrupted", async () => {
    const shims = await Promise.all([join(0), join(2)]);
    const regionsThere = [clients[0]!, clients[2]!];
    // A region of which nobody has heard is not waited for.
    await published("eu-west-1", 15 * MINUTE, "ECHO", canary);
    await eventually(() => {
      for (const shim of shims) expect(shim.regionFigures()).toHaveProperty("eu-west-1");
    });
    for (const client of regionsThere) await age(client);
    await published("us-east-1", 13 * MINUTE, "FLY.PURGE", "user:*");
    await published("us-east-1", MINUTE, "FLY.PURGE", "other:*");
    const purges = async (client: Redis) => String(await recordOf(client, "purges")).match(/d[0-9a-f]+( |$)/g);
    for (const client of regionsThere) await eventually(async () => expect(await purges(client)).toHaveLength(2));
    await published("eu-west-1", 14 * MINUTE, "SET", "user:1", "v");
    await published("eu-west-1", 12 * MINUTE, "SET", "user:2", "v");
    for (const client of regionsThere) await eventually(async () => expect(await client.keys("*")).toEqual(["user:2"]));
  });

  it("leaves the horizon as it is where none are sent: what comes later becomes a delete", async () => {
    const us = await join(0, { canaryIntervalMs: 0 });
    await published("eu-west-1", 50 * MINUTE, "ECHO", canary);
    await us.drain(1000);
    const before = Number(await recordOf(clients[0]!, "generation"));
    await age(clients[0]!);
    open = [];
    const again = await join(0, { canaryIntervalMs: 0 });
    await eventually(async () => expect(await recordOf(clients[0]!, "generation")).toBe(String(before + 1)));
    await published("eu-west-1", 45 * MINUTE, "SET", "pushed", "v");
    await eventually(() => expect(again.figures().doubtful).toBeGreaterThan(0));
    expect(await clients[0]!.exists("pushed")).toBe(0);
  });
});
