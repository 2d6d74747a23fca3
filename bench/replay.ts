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
import { type Load, putLoad } from "./load";
import { median } from "./measurement";
import { coreWaitMs, processorMicroseconds } from "./processorTime";

/** Processor time in microseconds an overwrite, latencies in milliseconds. */
export interface ReplayFigures {
  /** Of Redis alone, for a pipelined SET of the same size. */
  readonly rawMicros: number;
  /** Of Redis, for an overwrite replayed. */
  readonly redisMicros: number;
  /** Of the shim, from the queue to its acknowledgement. */
  readonly shimMicros: number;
  readonly replayedPerSecond: number;
  /** Of GET on database 0 through the shim, while there is nothing else to do. */
  readonly quietP50Ms: number;
  readonly quietP99Ms: number;
  /** The same while it replays. */
  readonly busyP50Ms: number;
  readonly busyP99Ms: number;
  /** Of that time, the part in which the shim's main thread could have run and had no core. */
  readonly busyWaitShare: number;
}

const REGION = "us-east-1";
const VALUE_BYTES = 64;
const KEYS = 100_000;
/** They fill it, nearly. */
const PER_ENVELOPE = 2_000;
/** A part of what is replayed: its load is to be over before the replay is. */
const PROBES_SHARE = 1 / 50;
const POLL_INTERVAL_MS = 100;

const probe: Omit<Load, "requests"> = { command: "GET", valueBytes: VALUE_BYTES, pipeline: 1, clients: 1, database: 0 };
const raw: Omit<Load, "requests"> = { ...probe, command: "SET", pipeline: 100, clients: 10 };

/** Medians over the rounds; each replays `overwrites` twice, once with a probe on database 0 beside it. */
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
  try {
    const [region] = fabric.regions;
    const [shim] = region?.shims ?? [];
    if (!region || !shim) throw new Error("a fabric has the regions and shims that it was asked for");
    const [id = "", key = ""] = keys.split(":");
    const codec = new EnvelopeCodec([{ id: Number(id), key: Buffer.from(key, "base64") }]);
    const source = new Source(fabric.emulator.endpoint, region, codec);
    watcher = new Redis(fabric.url(region, shim));
    const run = { region, shim, source, overwrites, watcher };
    const replay = (beside?: () => Promise<void>) => replayOnce(run, beside);
    await replay();
    const results: ReplayFigures[] = [];
    for (let round = 1; round <= rounds; round++) {
      const requests = Math.ceil(overwrites * PROBES_SHARE);
      const before = processorMicroseconds(region.server.pid);
      await putLoad(region.server.url, { ...raw, requests: overwrites });
      const rawMicros = (processorMicroseconds(region.server.pid) - before) / overwrites;
      const figures = await replay();
      const url = fabric.url(region, shim);
      const quiet = await putLoad(url, { ...probe, requests });
      let [busy, busyWaitShare] = [quiet, Number.NaN];
      await replay(async () => {
        const [startedAtMs, waitedMs] = [performance.now(), coreWaitMs(shim.pid)];
        busy = await putLoad(url, { ...probe, requests });
        busyWaitShare = (coreWaitMs(shim.pid) - waitedMs) / (performance.now() - startedAtMs);
      });
      const latencies = {
        quietP50Ms: quiet.p50Ms,
        quietP99Ms: quiet.p99Ms,
        busyP50Ms: busy.p50Ms,
        busyP99Ms: busy.p99Ms,
        busyWaitShare,
      };
      results.push({ rawMicros, ...figures, ...latencies });
      progress(`round ${round} of ${rounds}: ${Math.round(figures.replayedPerSecond).toLocaleString("en")} replayed/s`);
    }
    return mediansOf(results);
  } finally {
    watcher?.disconnect();
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

function mediansOf(results: readonly ReplayFigures[]): ReplayFigures {
  const of = (figure: keyof ReplayFigures): number => median(results.map((each) => each[figure]));
  return {
    rawMicros: of("rawMicros"),
    redisMicros: of("redisMicros"),
    shimMicros: of("shimMicros"),
    replayedPerSecond: of("replayedPerSecond"),
    quietP50Ms: of("quietP50Ms"),
    quietP99Ms: of("quietP99Ms"),
    busyP50Ms: of("busyP50Ms"),
    busyP99Ms: of("busyP99Ms"),
    busyWaitShare: of("busyWaitShare"),
  };
}
