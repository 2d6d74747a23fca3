// What replaying another region's overwrites costs a region, and what database 0 feels of it. The envelopes wait in the
// region's queue before the clock starts, so that the replay runs as fast as it can.
import { randomBytes, randomInt } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { credentials } from "@redis-on-fly/local/dist/bus";
import { Fabric, type Region, type RunningShim } from "@redis-on-fly/local/dist/fabric";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { shimVariables } from "@redis-on-fly/shim/dist/contract";
import { EnvelopeCodec } from "@redis-on-fly/shim/dist/replication/envelope";
import { Segment } from "@redis-on-fly/shim/dist/replication/segment";
import { Clock } from "@redis-on-fly/shim/dist/replication/stamp";
import { Redis } from "ioredis";
import { Helper } from "./helper";
import { type Load, putLoad } from "./load";
import { median } from "./measurement";
import { type Latencies, medianLatencies } from "./pacedClient";
import { coreWaitMs, processorMicroseconds } from "./processorTime";
import { schedule } from "./scheduling";
import type { SmallClientOrder } from "./smallClient";

/** Medians of what replaying costs; processor time in microseconds an overwrite. */
export interface ReplayFigures {
  /** Of Redis alone, for a pipelined SET of the same size. */
  readonly rawMicros: number;
  /** Of Redis, for an overwrite replayed. */
  readonly redisMicros: number;
  /** Of the shim, from the queue to its acknowledgement. */
  readonly shimMicros: number;
  readonly replayedPerSecond: number;
  readonly besideReplay: readonly BesideReplay[];
}

/** How database 0's way gets a core: as everybody does, or in real time, as if it had cores of its own. */
export type Turn = "with all others" | "first";

/** A small client on database 0, alone and while the region replays as fast as it can; medians. */
export interface BesideReplay {
  /** Of the client, the shim's main thread and the server. */
  readonly turn: Turn;
  readonly quiet: Latencies;
  readonly replaying: Latencies;
  /** The p99 while it replays by the quiet one, within a round. */
  readonly growth: number;
  /** Of the time of the latter, the part in which the shim's main thread could have run and had no core. */
  readonly waitShare: number;
  readonly replayedPerSecond: number;
}

const REGION = "us-east-1";
const VALUE_BYTES = 64;
const KEYS = 100_000;
/** They fill it, nearly. */
const PER_ENVELOPE = 2_000;
/** More than can be replayed in a millisecond: the small client is to be through before the replay is. */
const MOST_PER_MS = 150;
const WARM_UP_MS = 1_000;
const POLL_INTERVAL_MS = 100;

const raw: Omit<Load, "requests"> = {
  command: "SET",
  valueBytes: VALUE_BYTES,
  pipeline: 100,
  clients: 10,
  database: 0,
};

/** Medians over the rounds; each replays `overwrites` three times, twice with a client on database 0 beside it. */
export async function measureReplay(
  overwrites: number,
  rounds: number,
  progress: (line: string) => void,
): Promise<ReplayFigures> {
  let keys = "";
  const fabric = await Fabric.start({
    regions: [REGION],
    shims: 1,
    faults: noFaults,
    launch: (environment) => {
      keys = environment[shimVariables.envelopeKeys] ?? "";
      return launchShimProcess(environment);
    },
  });
  let watcher: Redis | undefined;
  let client: Helper | undefined;
  try {
    const [region] = fabric.regions;
    const [shim] = region?.shims ?? [];
    if (!region || !shim) throw new Error("a fabric has the regions and shims that it was asked for");
    const [id = "", key = ""] = keys.split(":");
    const codec = new EnvelopeCodec([{ id: Number(id), key: Buffer.from(key, "base64") }]);
    const source = new Source(fabric.emulator.endpoint, region, codec);
    const url = fabric.url(region, shim);
    watcher = new Redis(url);
    client = await Helper.start(require.resolve("./smallClient"), "The small client");
    const run: Run = { region, shim, source, overwrites, watcher, client, url };
    await askSmall(run, WARM_UP_MS);
    await replayOnce(run);
    const turns = await possibleTurns(run, progress);
    const results: ReplayFigures[] = [];
    for (let round = 1; round <= rounds; round++) {
      const before = processorMicroseconds(region.server.pid);
      await putLoad(region.server.url, { ...raw, requests: overwrites });
      const rawMicros = (processorMicroseconds(region.server.pid) - before) / overwrites;
      const figures = await replayOnce(run);
      const besideReplay: BesideReplay[] = [];
      for (const turn of turns) besideReplay.push(await replayBeside(run, turn));
      results.push({ rawMicros, ...figures, besideReplay });
      const growths = besideReplay.map(({ turn, growth }) => `${growth.toFixed(1)} × ${turn}`).join(", ");
      const rate = Math.round(figures.replayedPerSecond).toLocaleString("en");
      progress(`round ${round} of ${rounds}: ${rate} replayed/s; a small client's p99 ${growths}`);
    }
    return mediansOf(results);
  } finally {
    watcher?.disconnect();
    await client?.stop();
    await fabric.stop();
  }
}

interface Run {
  /** Asks the shim how far it is. */
  readonly watcher: Redis;
  readonly region: Region;
  readonly shim: RunningShim;
  readonly source: Source;
  readonly overwrites: number;
  /** Asks database 0, at this URL. */
  readonly client: Helper;
  readonly url: string;
}

async function askSmall({ client, url }: Run, durationMs: number): Promise<Latencies> {
  const order: SmallClientOrder = { url, durationMs };
  return (await client.ask(order)) as Latencies;
}

async function possibleTurns(run: Run, progress: (line: string) => void): Promise<readonly Turn[]> {
  const possible = await letGo(run, "first");
  await letGo(run, "with all others");
  if (possible) return ["with all others", "first"];
  progress("Database 0's way cannot run in real time here, which takes Linux, chrt and root: it waits for cores.");
  return ["with all others"];
}

/** @returns whether it could */
async function letGo({ client, shim, region }: Run, turn: Turn): Promise<boolean> {
  const policy = turn === "first" ? "fifo" : "other";
  const done = await Promise.all([client.pid, shim.pid, region.server.pid].map((pid) => schedule(pid, policy)));
  return done.every(Boolean);
}

async function replayBeside(run: Run, turn: Turn): Promise<BesideReplay> {
  const { overwrites, shim } = run;
  const durationMs = Math.floor(overwrites / MOST_PER_MS);
  await letGo(run, turn);
  try {
    const quiet = await askSmall(run, durationMs);
    let [replaying, waitShare] = [quiet, Number.NaN];
    const { replayedPerSecond } = await replayOnce(run, async () => {
      const [startedAtMs, waitedMs] = [performance.now(), coreWaitMs(shim.pid)];
      replaying = await askSmall(run, durationMs);
      waitShare = (coreWaitMs(shim.pid) - waitedMs) / (performance.now() - startedAtMs);
    });
    return { turn, quiet, replaying, growth: replaying.p99Ms / quiet.p99Ms, waitShare, replayedPerSecond };
  } finally {
    await letGo(run, "with all others");
  }
}

/** @param beside - begins with the replay; an error where it takes longer than that */
async function replayOnce({ region, shim, source, overwrites, watcher }: Run, beside?: () => Promise<void>) {
  const pids = [region.server.pid, shim.pid];
  const done = (await replayedBy(watcher)) + overwrites;
  process.kill(shim.pid, "SIGSTOP");
  try {
    await source.send(overwrites);
  } finally {
    process.kill(shim.pid, "SIGCONT");
  }
  const startedAtMs = performance.now();
  const before = pids.map(processorMicroseconds);
  let besideIsDone = beside === undefined;
  const other = beside?.().then(() => {
    besideIsDone = true;
  });
  while ((await replayedBy(watcher)) < done) await setTimeout(POLL_INTERVAL_MS);
  const elapsedMs = performance.now() - startedAtMs;
  const tooSoon = !besideIsDone;
  await other;
  if (tooSoon)
    throw new Error(`${overwrites} overwrites were replayed too soon to measure what goes on beside: take more.`);
  const [redisMicros, shimMicros] = pids.map(
    (pid, index) => (processorMicroseconds(pid) - (before[index] ?? Number.NaN)) / overwrites,
  );
  return {
    redisMicros: redisMicros ?? Number.NaN,
    shimMicros: shimMicros ?? Number.NaN,
    replayedPerSecond: (overwrites / elapsedMs) * 1000,
  };
}

/** By INFO, since the shim's metrics take it as long as what is measured. */
async function replayedBy(client: Redis): Promise<number> {
  const counts = (await client.info("fly")).matchAll(/^replay_(?:applied|stale|doubtful|failed):(\d+)\r$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Another region, whose envelopes come straight into the queue. */
class Source {
  private readonly sqs: SQSClient;
  private readonly clock = new Clock(randomInt(2 ** 32));

  constructor(
    endpoint: string,
    private readonly region: Region,
    private readonly codec: EnvelopeCodec,
  ) {
    this.sqs = new SQSClient({ endpoint, region: region.name, credentials, useQueueUrlAsEndpoint: false });
  }

  async send(overwrites: number): Promise<void> {
    for (let left = overwrites; left > 0; left -= PER_ENVELOPE) {
      const stamps = Array.from({ length: Math.min(left, PER_ENVELOPE) }, () => this.clock.next());
      const segment = new Segment(stamps[0]?.origin ?? 0);
      for (const stamp of stamps) segment.append({ stamp, args: randomSet() });
      const MessageBody = this.codec.seal("eu-west-1", segment);
      await this.sqs.send(new SendMessageCommand({ QueueUrl: this.region.bus.queueUrl, MessageBody }));
    }
  }
}

function randomSet(): readonly Buffer[] {
  const key = `key:${String(randomInt(KEYS)).padStart(12, "0")}`;
  return [Buffer.from("SET"), Buffer.from(key), randomBytes(VALUE_BYTES)];
}

function mediansOf(rounds: readonly ReplayFigures[]): ReplayFigures {
  const of = (figure: (round: ReplayFigures) => number): number => median(rounds.map(figure));
  const turns = rounds[0]?.besideReplay.map(({ turn }) => turn) ?? [];
  return {
    rawMicros: of(({ rawMicros }) => rawMicros),
    redisMicros: of(({ redisMicros }) => redisMicros),
    shimMicros: of(({ shimMicros }) => shimMicros),
    replayedPerSecond: of(({ replayedPerSecond }) => replayedPerSecond),
    besideReplay: turns.map((turn, at) => {
      const measured = rounds.flatMap(({ besideReplay }) => besideReplay[at] ?? []);
      const inTurn = (figure: (beside: BesideReplay) => number): number => median(measured.map(figure));
      return {
        turn,
        quiet: medianLatencies(measured.map(({ quiet }) => quiet)),
        replaying: medianLatencies(measured.map(({ replaying }) => replaying)),
        growth: inTurn(({ growth }) => growth),
        waitShare: inTurn(({ waitShare }) => waitShare),
        replayedPerSecond: inTurn(({ replayedPerSecond }) => replayedPerSecond),
      };
    }),
  };
}
