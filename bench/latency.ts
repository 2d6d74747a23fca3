// How long a write on database 1 takes until another region has applied it, beside what the bus alone takes: the same
// emulator carries both in the same run, turn by turn, first in quiet and then while every region writes.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createBus } from "@redis-on-fly/local/dist/bus";
import { Fabric, type Region } from "@redis-on-fly/local/dist/fabric";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { SnsTopic } from "@redis-on-fly/shim/dist/bus/snsTopic";
import { SqsQueue } from "@redis-on-fly/shim/dist/bus/sqsQueue";
import { Redis } from "ioredis";
import { quantile } from "./measurement";

/** Latencies in one state, in milliseconds, and what the receiving shim asked of SQS meanwhile. */
export interface LatencyFigures {
  readonly state: State;
  /** Published → received. */
  readonly bus: Quantiles;
  /** Accepted in one region → applied in another. */
  readonly applied: Quantiles;
  /** By how much the second p99 is to be above the first at most. */
  readonly aimMs: number;
  readonly envelopesPerSecond: number;
  readonly requestsPerEnvelope: number;
}

interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type State = (typeof states)[number];
type Way = (typeof ways)[number];
/** Of a shim, since it started. */
type Counts = Readonly<Record<"requests" | "envelopes", number>>;
/** Sends something, and settles when it is there; with the milliseconds between the two. */
type Probe = (id: string) => Promise<number>;

const states = ["quiet", "busy"] as const;
const ways = ["bus", "applied"] as const;
/** Of the shims: envelopes of a region that writes all the time follow each other at this distance. */
const PUBLISH_INTERVAL_MS = 50;
const AIMS_MS = { quiet: 10, busy: 10 + PUBLISH_INTERVAL_MS } as const;
/** Between two samples, at least and at most: in quiet longer than what is paced, so that each finds everything idle. */
const PAUSES_MS = { quiet: [150, 350], busy: [10, 70] } as const satisfies Record<State, readonly [number, number]>;
/** Of each region while it is busy: every publish interval has something to send. */
const WRITE_EVERY_MS = 5;
const WARM_UP_SAMPLES = 20;

/** @param samples - of each kind. */
export async function measureLatency(samples: number, progress: (line: string) => void): Promise<LatencyFigures[]> {
  const fabric = await Fabric.start({
    regions: ["us-east-1", "eu-west-1", "ap-northeast-1"],
    shims: 1,
    // The delay between regions would be the same number on both sides.
    faults: { ...noFaults, delay: 0 },
    launch: launchShimProcess,
  });
  const closers: (() => void)[] = [];
  try {
    const [home, far] = fabric.regions as [Region, Region];
    const probes: Record<Way, Probe> = {
      bus: await busProbe(fabric.emulator.endpoint, closers),
      applied: await databaseProbe(fabric, home, far, closers),
    };
    const figures: LatencyFigures[] = [];
    for (const state of states) {
      progress(`${state}: ${samples} samples of each kind …`);
      if (state === "busy") for (const region of fabric.regions) closers.push(write(fabric.url(region)));
      await sample(probes, state, WARM_UP_SAMPLES);
      const [before, startedAtMs] = [await countsOf(far), performance.now()];
      const taken = await sample(probes, state, samples);
      const [after, tookMs] = [await countsOf(far), performance.now() - startedAtMs];
      const envelopes = after.envelopes - before.envelopes;
      figures.push({
        state,
        bus: quantiles(taken.bus),
        applied: quantiles(taken.applied),
        aimMs: AIMS_MS[state],
        envelopesPerSecond: (1000 * envelopes) / tookMs,
        requestsPerEnvelope: (after.requests - before.requests) / envelopes,
      });
    }
    return figures;
  } finally {
    for (const close of closers) close();
    await fabric.stop();
  }
}

async function sample(probes: Readonly<Record<Way, Probe>>, state: State, count: number) {
  const taken: Record<Way, number[]> = { bus: [], applied: [] };
  for (let index = 0; index < count; index += 1) {
    for (const way of ways) {
      await sleep(between(PAUSES_MS[state]));
      taken[way].push(await probes[way](`probe:${state}:${index}`));
    }
  }
  return taken;
}

/** Requests to its queue, and envelopes that it has replayed, as the region's shim tells them. */
async function countsOf({ shims: [shim] }: Region): Promise<Counts> {
  const response = await fetch(`http://127.0.0.1:${shim?.operationsPort}/metrics`);
  const lines = (await response.text()).split("\n");
  const sum = (pattern: RegExp) =>
    lines.filter((line) => pattern.test(line)).reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
  return {
    requests: sum(/^redis_on_fly_bus_requests_total\{operation="(?!Publish")/),
    envelopes: sum(/^redis_on_fly_replication_lag_seconds_count/),
  };
}

/** A topic and a queue of its own, on the emulator that the shims have. */
async function busProbe(endpoint: string, closers: (() => void)[]): Promise<Probe> {
  const [near, far] = ["us-west-2", "eu-central-1"] as const;
  const addresses = await createBus(endpoint, [near, far]);
  const [home, away] = [addresses.get(near), addresses.get(far)];
  if (!home || !away) throw new Error("a bus has the regions that it was asked for");
  const onRequest = () => {};
  const topic = new SnsTopic({ ...home, endpoint, onRequest });
  const queue = new SqsQueue({ ...away, region: far, endpoint, onRequest });
  const arrivals = new Map<string, () => void>();
  const stopping = new AbortController();
  const receive = async () => {
    while (!stopping.signal.aborted) {
      const deliveries = await queue.receive(stopping.signal);
      for (const { body } of deliveries) arrivals.get(body)?.();
      for (const delivery of deliveries) void queue.acknowledge(delivery);
    }
  };
  receive().catch(() => {});
  closers.push(() => {
    stopping.abort();
    for (const end of [topic, queue]) void end.close();
  });
  return async () => {
    // As long as an envelope of one small command.
    const body = randomBytes(100).toString("base64url");
    const sentAtMs = performance.now();
    const arrived = new Promise<void>((resolve) => arrivals.set(body, resolve));
    await topic.publish(body);
    await arrived;
    arrivals.delete(body);
    return performance.now() - sentAtMs;
  };
}

/** A client of a shim at home writes; the far region's server itself tells when the write is there. */
async function databaseProbe(fabric: Fabric, home: Region, far: Region, closers: (() => void)[]): Promise<Probe> {
  const writer = new Redis(`${fabric.url(home)}/1`);
  const watcher = new Redis(far.server.url);
  closers.push(() => {
    for (const client of [writer, watcher]) client.disconnect();
  });
  await watcher.config("SET", "notify-keyspace-events", "E$");
  await watcher.subscribe("__keyevent@0__:set");
  const arrivals = new Map<string, (ms: number) => void>();
  watcher.on("message", (_, key) => arrivals.get(key)?.(performance.now()));
  return async (id) => {
    const arrived = new Promise<number>((resolve) => arrivals.set(id, resolve));
    const acceptedAtMs = writer.set(id, "v").then(() => performance.now());
    const ms = (await arrived) - (await acceptedAtMs);
    arrivals.delete(id);
    return ms;
  };
}

/** Goes on writing; the function ends that. */
function write(url: string): () => void {
  const client = new Redis(`${url}/1`);
  let count = 0;
  const timer = setInterval(() => void client.set(`load:${count++ % 1000}`, "v"), WRITE_EVERY_MS);
  return () => {
    clearInterval(timer);
    client.disconnect();
  };
}

function between([least, most]: readonly [number, number]): number {
  return least + Math.random() * (most - least);
}

function quantiles(values: readonly number[]): Quantiles {
  return { p50Ms: quantile(values, 0.5), p99Ms: quantile(values, 0.99) };
}
