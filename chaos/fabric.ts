// Three regions of real servers and the shims' replication, on a network that misbehaves, in one process: a schedule is run
// on them, and what they hold in the end is compared with the model.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "@redis-on-fly/local/dist/servers";
import {
  type CommandReplyEntry,
  type CommandSpecification,
  specificationsFrom,
} from "@redis-on-fly/shim/dist/commands/specification";
import { EnvelopeCodec, type EnvelopeKey, type StampedCommand } from "@redis-on-fly/shim/dist/replication/envelope";
import { Replication } from "@redis-on-fly/shim/dist/replication/replication";
import { type Stamp, stampText } from "@redis-on-fly/shim/dist/replication/stamp";
import { Redis } from "ioredis";
import { pino } from "pino";
import { Registry } from "prom-client";
import { counter, keys, wordsOf } from "./commands";
import { type Content, contents, expiries, fold } from "./model";
import { Network, type NetworkEnd, type NetworkFaults } from "./network";
import { Random } from "./random";
import { regions, type Schedule, SHIMS, type Step } from "./schedule";

interface Shim {
  readonly replication: Replication;
  readonly end: NetworkEnd;
  /** Stamps and lines of what it has answered OK. */
  readonly accepted: { readonly stamp: string; readonly line: string }[];
}

interface RunningRegion {
  readonly name: string;
  readonly server: Server;
  readonly client: Redis;
  readonly shims: Shim[];
  readonly killed: Shim[];
  skewMs: number;
  /** Keys that may be missing here, or all where it is "all". */
  excused: Set<string> | "all";
}

/** A key that a region holds otherwise than it should. */
export interface Divergence {
  readonly region: string;
  readonly key: string;
  readonly holds: Content;
  readonly should: Content;
}

/** How a schedule went. */
export interface Result {
  readonly divergences: readonly Divergence[];
  /** Accepted by a shim that lived on, and never published. */
  readonly missing: number;
  readonly accepted: number;
  /** Accepted by shims that were killed before the bus had it: the documented loss. */
  readonly lost: number;
  /** By which all regions together have counted less than the model. */
  readonly lostIncrements: number;
  /** Keys in all regions that were compared, and those of them that held nothing though the model has a value. */
  readonly compared: number;
  readonly absent: number;
}

/** What a shim's replication keeps to itself: a wrong clock and a sudden end are no options of its own. */
interface Insides {
  readonly clock: {
    offsetMs: number;
    readonly lastMs: number;
    readonly lastCounter: number;
    readonly origin: number;
    observe(stamp: Stamp): boolean;
    ceiling(): Stamp;
  };
  readonly cluster: Redis;
}

function insides(replication: Replication): Insides {
  return replication as unknown as Insides;
}

const noFaults: NetworkFaults = { duplicate: 0, reorder: 0, drop: 0, lostAcknowledgement: 0, lose: 0 };
const usualFaults: NetworkFaults = { duplicate: 0.2, reorder: 0.2, drop: 0.1, lostAcknowledgement: 0.1, lose: 0 };
const HORIZON_MS = 600_000;
const QUIET_TIMEOUT_MS = 20_000;
/** Every short expiry has passed, or is further away, when keys are compared. */
const EXPIRY_MARGIN_MS = 160;
const envelopeKeys: readonly [EnvelopeKey] = [{ id: 1, key: randomBytes(32) }];
const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });

/** See the head of this file. Runs one schedule at a time. */
export class ChaosFabric {
  private network = new Network([], noFaults, new Random(0));

  private constructor(
    private readonly regions: readonly RunningRegion[],
    private readonly modelServer: Server,
    private readonly model: Redis,
    /** What the servers know, by name. */
    readonly commands: ReadonlyMap<string, CommandSpecification>,
  ) {}

  static async start(): Promise<ChaosFabric> {
    const [modelServer, ...servers] = await Promise.all([Server.start(), ...regions.map(() => Server.start())]);
    const connect = (server: Server) => new Redis(server.url, { disconnectTimeout: 100 }).on("error", () => {});
    const running = servers.map(
      (server, index): RunningRegion => ({
        name: regions[index] ?? "",
        server,
        client: connect(server),
        shims: [],
        killed: [],
        skewMs: 0,
        excused: new Set(),
      }),
    );
    const model = connect(modelServer);
    const commands = specificationsFrom((await model.call("COMMAND")) as CommandReplyEntry[]);
    return new ChaosFabric(running, modelServer, model, new Map(commands.map((command) => [command.name, command])));
  }

  async stop(): Promise<void> {
    for (const { client } of this.regions) client.disconnect();
    this.model.disconnect();
    await Promise.all([this.modelServer, ...this.regions.map(({ server }) => server)].map((server) => server.stop()));
  }

  /** @param lose - probability that the network loses an envelope, which it should not. */
  async run({ seed, skewsMs, steps }: Schedule, lose = 0): Promise<Result> {
    const faults = { ...usualFaults, lose };
    this.network = new Network(regions, faults, new Random(seed));
    await Promise.all(this.regions.map((region, index) => this.prepare(region, skewsMs[index] ?? 0)));
    try {
      for (const key of keys) this.write(0, 0, `DEL ${key}`);
      for (const step of steps) await this.take(step);
      this.network.heal();
      await this.quiet();
      this.touch(seed % regions.length);
      await this.quiet();
      return await this.compare();
    } finally {
      await Promise.all(this.regions.flatMap(({ shims }) => shims.map((shim) => kill(shim))));
    }
  }

  /**
   * Regional writes give way to the next command, that is to one with a stamp above all that there is, and above what a
   * region that has lost its memory is in doubt of. One is enough: more, in whatever order, would have what is wrong made
   * anew.
   */
  private touch(region: number): void {
    const clocks = this.regions.flatMap(({ shims }) => shims.map(({ replication }) => insides(replication).clock));
    const [toucher] = this.regions[region]?.shims ?? [];
    if (!toucher) return;
    for (const clock of clocks) insides(toucher.replication).clock.observe(clock.ceiling());
    for (const key of keys) this.write(region, 0, `PERSIST ${key}`);
  }

  private async prepare(region: RunningRegion, skewMs: number): Promise<void> {
    await region.client.flushall();
    // As if the region had been there for a while: a new server trusts nothing from before its time.
    const before = stampText({ ms: Date.now() - 60_000, counter: 0, origin: 0 });
    await region.client.multi().select(1).hset("m", "newest", before).select(0).exec();
    Object.assign(region, { skewMs, excused: new Set() });
    region.killed.length = 0;
    region.shims.length = 0;
    for (let count = 0; count < SHIMS; count += 1) region.shims.push(await this.newShim(region));
  }

  private async newShim({ name, server, skewMs }: RunningRegion): Promise<Shim> {
    const url = new URL(server.url);
    const end = this.network.end(name);
    const replication = new Replication({
      region: name,
      cluster: { host: url.hostname, port: Number(url.port), password: url.password, disconnectTimeout: 100 },
      bus: end,
      envelopeKeys,
      publishIntervalMs: 3,
      outboxMaxBytes: 1 << 20,
      envelopeVersion: 2,
      envelopeMaxBytes: 256 * 1024,
      horizonMs: HORIZON_MS,
      recordsMaxBytes: 1 << 26,
      largeCommandMaxBytes: 1 << 20,
      canaryIntervalMs: 0,
      log,
      registry: new Registry(),
    });
    await replication.start();
    insides(replication).clock.offsetMs += skewMs;
    return { replication, end, accepted: [] };
  }

  private async take(step: Step): Promise<void> {
    if (step.kind === "pause") return sleep(step.ms);
    if (step.kind === "heal") return this.network.heal();
    if (step.kind === "rest") return this.quiet();
    const region = this.regions[step.region];
    if (!region) throw new RangeError(`there is no region ${step.region}`);
    switch (step.kind) {
      case "write":
        return this.write(step.region, step.shim, step.line);
      case "cut":
        return this.network.cut(region.name);
      case "regional": {
        for (const key of keysIn(step.line)) if (region.excused !== "all") region.excused.add(key);
        const [name, ...args] = wordsOf(step.line);
        await region.client.call(String(name), ...args).catch(() => undefined);
        return;
      }
      case "kill": {
        const shim = region.shims[step.shim];
        if (!shim) return;
        void kill(shim);
        region.killed.push(shim);
        region.shims[step.shim] = await this.newShim(region);
        return;
      }
      case "restart":
        region.excused = "all";
        await region.server.stop("SIGKILL");
        await region.server.restart();
        return;
      case "evict": {
        region.excused = "all";
        const used = /used_memory:(\d+)/.exec(await region.client.info("memory"))?.[1];
        await region.client.config("SET", "maxmemory", Number(used) - step.bytes);
        // The next write makes room first.
        await region.client.set("room", "").catch(() => undefined);
        await region.client.config("SET", "maxmemory", "256mb");
        return;
      }
    }
  }

  private write(region: number, index: number, line: string): void {
    const shim = this.regions[region]?.shims[index];
    const args = wordsOf(line);
    const specification = this.commands.get(String(args[0]));
    if (!specification || !shim?.replication.accept(specification, args).ok) return;
    const { lastMs, lastCounter, origin } = insides(shim.replication).clock;
    shim.accepted.push({ stamp: stampText({ ms: lastMs, counter: lastCounter, origin }), line });
  }

  /** Until everything is published, delivered, replayed and acknowledged. */
  private async quiet(): Promise<void> {
    const living = this.regions.flatMap(({ shims }) => shims);
    const giveUpAt = performance.now() + QUIET_TIMEOUT_MS;
    const still = () =>
      this.network.quiet &&
      living.every(
        ({ replication }) =>
          insides(replication).cluster.status === "ready" &&
          replication.figures().outboxCommands === 0 &&
          replication.isAtHome(replication.acceptedSequence, replication.slowSequence),
      );
    while (!still()) {
      if (performance.now() > giveUpAt) throw new Error("the fabric does not come to rest");
      await sleep(2);
    }
  }

  private async compare(): Promise<Result> {
    const shims = this.regions.flatMap(({ shims, killed }) => [...shims, ...killed]);
    const codec = new EnvelopeCodec(envelopeKeys);
    const published = new Map<string, StampedCommand>();
    for (const command of shims.flatMap(({ end }) => end.published.flatMap((body) => [...codec.open(body).commands]))) {
      published.set(stampText(command.stamp), command);
    }
    const unpublished = (each: readonly Shim[]) =>
      each.flatMap(({ accepted }) => accepted.filter(({ stamp }) => !published.has(stamp)));
    const lost = unpublished(this.regions.flatMap(({ killed }) => killed));
    const tainted = new Set(lost.flatMap(({ line }) => keysIn(line)));
    const comparable = keys.filter((key) => !tainted.has(key));

    let expected = new Map<string, Content>();
    for (let settled = false; !settled; ) {
      await fold(this.model, [...published.values()], Date.now());
      expected = await contents(this.model, comparable);
      const soonMs = Date.now() + EXPIRY_MARGIN_MS;
      settled = (await expiries(this.model, comparable)).every((expiry) => expiry > soonMs);
      if (!settled) await sleep(EXPIRY_MARGIN_MS / 4);
    }
    const divergences: Divergence[] = [];
    let absent = 0;
    for (const { name, client, excused } of this.regions) {
      for (const [key, holds] of await contents(client, comparable)) {
        const should = expected.get(key);
        if (holds === should) continue;
        if (holds === undefined && (excused === "all" || excused.has(key))) absent += 1;
        else divergences.push({ region: name, key, holds, should });
      }
    }
    return {
      divergences,
      lostIncrements: divergences.reduce((sum, divergence) => sum + incrementsLost(divergence), 0),
      missing: unpublished(this.regions.flatMap(({ shims: living }) => living)).length,
      accepted: shims.reduce((sum, { accepted }) => sum + accepted.length, 0),
      lost: lost.length,
      compared: comparable.length * this.regions.length,
      absent,
    };
  }
}

/** Those that a command may change. */
function keysIn(line: string): readonly string[] {
  return /^FLUSH/.test(line) ? keys : keys.filter((key) => line.includes(key));
}

function incrementsLost({ key, holds, should }: Divergence): number {
  const count = (content: Content) => Number(JSON.parse(content ?? "[]")[1] ?? 0);
  return key === counter ? Math.max(0, count(should) - count(holds)) : 0;
}

/** Ends a shim as SIGKILL does: whatever it was about to do does not happen. */
async function kill({ replication, end }: Shim): Promise<void> {
  void end.close();
  insides(replication).cluster.disconnect();
  await replication.drain(0);
}
