// Three regions of real servers and the shims' replication, on a network that misbehaves, in one process: a schedule is run
// on them, and what they hold in the end is compared with the model.
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "@redis-on-fly/local/dist/servers";
import { purgeCommand } from "@redis-on-fly/shim/dist/commands/policy";
import {
  type CommandReplyEntry,
  type CommandSpecification,
  specificationsFrom,
} from "@redis-on-fly/shim/dist/commands/specification";
import type { Peer } from "@redis-on-fly/shim/dist/replication/regions";
import { MAX_AHEAD_MS } from "@redis-on-fly/shim/dist/replication/stamp";
import type { Upload } from "@redis-on-fly/shim/dist/replication/upload";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import type { Redis } from "ioredis";
import { judge, type Result } from "./judgement";
import { keys, keysIn } from "./keys";
import { wordsOf } from "./largeCommands";
import { Network, type NetworkFaults } from "./network";
import { isTakenApart, wholeCommands } from "./publication";
import { Random } from "./random";
import { ChaosRegion, connect } from "./regions";
import { regions, type Schedule, SHIMS, type Step } from "./schedule";
import { insides, killShim, newestStamp, type Shim, SPAN_MS, startShim } from "./shims";
import { Traffic } from "./traffic";

/** A command on its way from its client. */
interface Arrival {
  readonly shim: Shim;
  readonly upload: Upload;
  readonly words: readonly Buffer[];
  readonly after: string;
  readonly pieces: Buffer[];
  readonly leaves: boolean;
}

const noFaults: NetworkFaults = { duplicate: 0, reorder: 0, drop: 0, lostAcknowledgement: 0, lose: 0 };
const usualFaults: NetworkFaults = { duplicate: 0.2, reorder: 0.2, drop: 0.1, lostAcknowledgement: 0.1, lose: 0 };
const QUIET_TIMEOUT_MS = 20_000;
/** A generation is over then. */
const AGE_MS = SPAN_MS + 1000;
/** What is accepted afterwards is not among what may be late next. */
const AGED_MS = MAX_AHEAD_MS + 60_000;
/** In the year 2255, after every expiry of a schedule. */
const NEVER_MS = 9e12;
/** Canaries are as rare as can be: no shim of a region seems gone. */
const CANARY_INTERVAL_MS = 3_600_000;

/** See the head of this file. Runs one schedule at a time. */
export class ChaosFabric {
  private network = new Network([], noFaults, new Random(0));
  private arrivals: Arrival[] = [];
  private peers: readonly Peer[] = [];
  private passedMs = 0;
  private agedMs = 0;
  private epoch = 0;
  private traffic = new Traffic(this.network, []);

  private constructor(
    private readonly regions: readonly ChaosRegion[],
    private readonly modelServer: Server,
    private readonly model: Redis,
    /** What the servers know, and what the shims know beside, by name. */
    readonly commands: ReadonlyMap<string, CommandSpecification>,
  ) {}

  static async start(): Promise<ChaosFabric> {
    const [modelServer, running] = await Promise.all([Server.start(), Promise.all(regions.map(ChaosRegion.start))]);
    const model = connect(modelServer);
    const commands = specificationsFrom((await model.call("COMMAND")) as CommandReplyEntry[]);
    const known = [...commands, purgeCommand].map((command) => [command.name, command] as const);
    return new ChaosFabric(running, modelServer, model, new Map(known));
  }

  async stop(): Promise<void> {
    this.model.disconnect();
    await Promise.all([this.modelServer, ...this.regions].map((each) => each.stop()));
  }

  /** @param lose - probability that the network loses an envelope, which it should not. */
  async run({ seed, skewsMs, steps }: Schedule, lose = 0): Promise<Result> {
    this.network = new Network(regions, { ...usualFaults, lose }, new Random(seed));
    this.traffic = new Traffic(this.network, this.regions);
    Object.assign(this, { arrivals: [], passedMs: 0, agedMs: 0, epoch: 0 });
    this.peers = this.regions.map(({ name }, index) => canaryOf(name, index, Date.now()));
    await Promise.all(
      this.regions.map(async (region, index) => {
        await region.prepare(skewsMs[index] ?? 0);
        for (let count = 0; count < SHIMS; count += 1) region.shims.push(await this.newShim(region));
      }),
    );
    try {
      for (const key of keys) this.write(0, 0, `DEL ${key}`);
      for (const step of steps) await this.take(step);
      while (this.arrivals.length > 0) this.receive();
      this.network.heal();
      await this.quiet();
      // The next command would have some mistakes mended.
      const untouched = await this.judge(false);
      if (untouched.divergences.length > 0) return untouched;
      this.touch(seed % regions.length);
      await this.quiet();
      return await this.judge(true);
    } finally {
      await Promise.all(this.regions.flatMap(({ shims }) => shims.map(killShim)));
    }
  }

  /**
   * Regional writes give way to the next command, that is to one with a stamp above all that there is, and above what a
   * region that has lost its memory is in doubt of. One is enough: more, in whatever order, would have what is wrong made
   * anew. It changes nothing, whatever is there: nothing expires as late as that.
   */
  private touch(region: number): void {
    const connections = this.regions.flatMap(({ shims }) => shims.flatMap((shim) => shim.connections));
    const [toucher] = this.regions[region]?.shims ?? [];
    if (!toucher) return;
    for (const { clock } of connections) insides(toucher.replication).connection.clock.observe(clock.ceiling());
    for (const key of keys) this.write(region, 0, `PEXPIREAT ${key} ${NEVER_MS} XX LT`);
  }

  private newShim({ name, server, skewMs }: ChaosRegion): Promise<Shim> {
    const [end, passedMs] = [this.network.end(name), () => this.passedMs];
    return startShim({ region: name, server, end, skewMs, passedMs, peers: this.peers });
  }

  private async take(step: Step): Promise<void> {
    this.receive();
    if (step.kind === "pause") return sleep(step.ms);
    if (step.kind === "heal") return this.network.heal();
    if (step.kind === "rest") return this.quiet();
    if (step.kind === "age") return this.age(step.full);
    const region = this.regions[step.region];
    if (!region) throw new RangeError(`there is no region ${step.region}`);
    switch (step.kind) {
      case "write":
        return this.write(step.region, step.shim, step.line);
      case "upload":
        return this.upload(step);
      case "cut":
        return this.network.cut(region.name);
      case "regional": {
        const words = wordsOf(step.line);
        region.excuses.add(keysIn(words));
        const [name, ...args] = words;
        await region.client.call(String(name), ...args).catch(() => undefined);
        return;
      }
      case "kill": {
        const shim = region.shims[step.shim];
        if (!shim) return;
        void killShim(shim);
        const broken = this.arrivals.filter((arrival) => arrival.shim === shim).map(({ words }) => words);
        shim.broken.push(...broken.filter(isTakenApart));
        this.arrivals = this.arrivals.filter((arrival) => arrival.shim !== shim);
        region.killed.push(shim);
        region.shims[step.shim] = await this.newShim(region);
        return;
      }
      case "restart":
        return region.restart();
      case "starve":
        return region.starve(step.bytes);
      case "evict":
        return region.evict(step.keys);
    }
  }

  private write(region: number, index: number, line: string): void {
    const shim = this.regions[region]?.shims[index];
    const words = wordsOf(line);
    const specification = this.commands.get(String(words[0]));
    if (!specification || !shim) return;
    const after = newestStamp(shim);
    if (shim.replication.accept(specification, words).ok) this.accepted(shim, words, after);
  }

  private upload({ region, shim: index, line, pieces: count, leaves }: Extract<Step, { kind: "upload" }>): void {
    const shim = this.regions[region]?.shims[index];
    const words = wordsOf(line);
    const specification = this.commands.get(String(words[0]));
    if (!specification || !shim) return;
    const request = encodeRequest(words);
    const size = Math.ceil(request.length / count);
    const all = Array.from({ length: count }, (_, at) => request.subarray(at * size, (at + 1) * size));
    const pieces = leaves ? all.slice(0, count / 2) : all;
    const [upload, after] = [shim.replication.upload(specification, words.length), newestStamp(shim)];
    this.arrivals.push({ shim, upload, words, after, pieces, leaves });
  }

  /** Another piece of all that is arriving. */
  private receive(): void {
    for (const { shim, upload, words, after, pieces, leaves } of this.arrivals) {
      upload.write(pieces.shift() ?? Buffer.alloc(0));
      if (pieces.length > 0) continue;
      if (leaves) upload.abandon();
      else if (upload.finish() === undefined) this.accepted(shim, words, after);
    }
    this.arrivals = this.arrivals.filter(({ pieces }) => pieces.length > 0);
  }

  private accepted(shim: Shim, words: readonly Buffer[], after: string): void {
    shim.accepted.push({ after, stamp: newestStamp(shim), words, epoch: this.epoch });
  }

  /** Lets so much time pass that records are dropped in all regions which are content with what they have heard. */
  private async age(full: boolean): Promise<void> {
    this.passedMs += AGE_MS;
    const isCut = (region: string) => this.network.isCut(region);
    const underWay = this.regions.map((region) => this.traffic.underWay(region));
    // A canary overtakes nothing here: what regions hear is true.
    const peers = this.peers.map((peer, index) => {
      const stamps = (underWay[index] ?? []).map(({ stamp }) => stamp.ms);
      return isCut(peer.region) ? peer : canaryOf(peer.region, index, Math.min(Date.now() + this.passedMs, ...stamps));
    });
    for (const region of this.regions) {
      const heard = isCut(region.name) ? [] : peers;
      const lateMs = (await region.age(this.passedMs, this.passedMs - this.agedMs, heard, full)) ?? 0;
      const late = underWay.flat().filter(({ stamp }) => stamp.ms <= lateMs);
      // Where all is heard of nothing is late.
      if (full)
        region.excuses.add(
          late.flatMap(({ args }) => keysIn(args)),
          true,
        );
    }
    this.peers = peers;
    this.agedMs = this.passedMs;
    this.passedMs += AGED_MS;
  }

  /** Until everything is published, delivered, replayed and acknowledged, but where a region is cut off. */
  private async quiet(): Promise<void> {
    const open = this.regions.filter(({ name }) => !this.network.isCut(name));
    const idle = ({ replication, connections }: Shim) =>
      connections.every(({ cluster }) => cluster.status === "ready") &&
      replication.figures().outboxCommands === 0 &&
      replication.isAtHome(replication.acceptedSequence, replication.slowSequence);
    const giveUpAt = performance.now() + QUIET_TIMEOUT_MS;
    for (;;) {
      const published = open.every(({ shims }) => shims.every(idle));
      if (published && open.every(({ name }) => this.network.waiting(name).length === 0)) break;
      // They will not come, and a region waits for them for a horizon.
      if (published && this.traffic.lacksChunks()) await Promise.all(open.map((region) => region.waitForChunks()));
      if (performance.now() > giveUpAt) throw new Error("the fabric does not come to rest");
      await sleep(2);
    }
    if (open.length === this.regions.length) this.epoch += 1;
  }

  private judge(excused: boolean): Promise<Result> {
    const shims = this.regions.flatMap((region) => [...region.shims, ...region.killed]);
    return judge(this.regions, wholeCommands(this.traffic.published(shims)), this.model, excused);
  }
}

/** What a region's canary tells of the time until which everything has come from there. */
function canaryOf(region: string, origin: number, sentMs: number): Peer {
  return {
    region,
    origin,
    sent: { ms: sentMs, counter: 0, origin },
    report: {
      reads: 2,
      intervalMs: CANARY_INTERVAL_MS,
      leaving: false,
      outboxCommands: 0,
      outboxBytes: 0,
      applied: 0,
      stale: 0,
      doubtful: 0,
      failed: 0,
      poison: 0,
      lagMs: {},
      purges: {},
    },
  };
}
