// What a large SET on database 1 costs: how much the memory of each region's shim grows by, how long it takes to be in
// every region, and how long the regions' other clients wait meanwhile.
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Fabric, type Region } from "@redis-on-fly/local/dist/fabric";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { Redis } from "ioredis";
import { Helper } from "./helper";
import { type Latencies, medianLatencies } from "./pacedClient";
import { peakResidentBytes, requireMemoryFigures, resetPeak, residentBytes } from "./residentMemory";
import type { SmallClientOrder } from "./smallClient";

/** What one region had to bear. */
export interface LargeCommandFigures {
  readonly region: string;
  /** From the client's first byte until the region had the value; in the writer's, until the client had its `OK`. */
  readonly arrivedMs: number;
  /** Growth of the shim's resident memory at its highest. */
  readonly shimGrowthBytes: number;
  /** Of a small client of the region's server, in the median second. */
  readonly quietP99Ms: number;
  readonly busyP99Ms: number;
  /** In the worst second. */
  readonly busyWorstP99Ms: number;
  /** Of all. */
  readonly busyMaxMs: number;
}

const REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"];
const QUIET_MS = 5_000;
const SLICE_MS = 1_000;
const SAMPLE_MS = 10;
const ATTEMPTS = 100;
const TIMEOUT_MS = 300_000;

/**
 * Sends one SET through a fabric of three regions, a shim process each.
 *
 * @throws Error where the system does not tell a process's memory
 */
export async function measureLargeCommand(bytes: number): Promise<LargeCommandFigures[]> {
  requireMemoryFigures();
  const fabric = await Fabric.start({
    regions: REGIONS,
    shims: 1,
    faults: { ...noFaults, delay: 0 },
    launch: launchShimProcess,
  });
  const probes: Probe[] = [];
  const writer = new Redis(fabric.url(first(fabric.regions)), { db: 1 });
  try {
    for (const region of fabric.regions) probes.push(await Probe.start(region));
    for (const probe of probes) await probe.makeRoom(4 * bytes);
    // Until all shims are known to read chunks; it also warms them up.
    await untilAccepted(() => writer.set("warm-up", Buffer.alloc(1 << 20, "w")));
    await setTimeout(QUIET_MS);
    for (const probe of probes) probe.begin();
    const startedMs = performance.now();
    const arrivals = probes.map((probe) => probe.arrival("large", bytes, startedMs));
    // Nothing that can be compressed: the most that has to go over the bus.
    await writer.set("large", randomBytes(bytes));
    const acceptedMs = performance.now() - startedMs;
    const arrivedMs = await Promise.all(arrivals);
    for (const probe of probes) await probe.finish();
    return probes.map((probe, index) => probe.figures(index === 0 ? acceptedMs : (arrivedMs[index] ?? Number.NaN)));
  } finally {
    writer.disconnect();
    for (const probe of probes) await probe.stop();
    await fabric.stop();
  }
}

/** Watches one region from beside its shim. */
class Probe {
  private readonly redis: Redis;
  private readonly pid: number;
  private readonly quiet: Latencies[] = [];
  private readonly loaded: Latencies[] = [];
  private busy = false;
  private stopped = false;
  private before = 0;
  private readonly asking: Promise<void>;

  private constructor(
    private readonly region: Region,
    private readonly client: Helper,
  ) {
    this.redis = new Redis(region.server.url);
    this.pid = first(region.shims).pid;
    this.asking = this.ask();
  }

  static async start(region: Region): Promise<Probe> {
    return new Probe(region, await Helper.start(require.resolve("./smallClient"), "The small client"));
  }

  /** A fabric's servers are smaller than what is to be sent. */
  async makeRoom(bytes: number): Promise<void> {
    await this.redis.config("SET", "maxmemory", bytes);
  }

  begin(): void {
    this.before = residentBytes(this.pid);
    resetPeak(this.pid);
    this.busy = true;
  }

  /** Milliseconds until the region has a value of so many bytes. */
  async arrival(key: string, bytes: number, startedMs: number): Promise<number> {
    while (performance.now() - startedMs < TIMEOUT_MS) {
      if ((await this.redis.strlen(key)) === bytes) return performance.now() - startedMs;
      await setTimeout(SAMPLE_MS);
    }
    throw new Error(`${this.region.name} has not got the value within ${TIMEOUT_MS} ms.`);
  }

  figures(arrivedMs: number): LargeCommandFigures {
    return {
      region: this.region.name,
      arrivedMs,
      shimGrowthBytes: peakResidentBytes(this.pid) - this.before,
      quietP99Ms: medianLatencies(this.quiet).p99Ms,
      busyP99Ms: medianLatencies(this.loaded).p99Ms,
      busyWorstP99Ms: Math.max(...this.loaded.map(({ p99Ms }) => p99Ms)),
      busyMaxMs: medianLatencies(this.loaded).maxMs,
    };
  }

  /** Once the second that is under way is over. */
  async finish(): Promise<void> {
    this.stopped = true;
    await this.asking;
  }

  async stop(): Promise<void> {
    await this.finish();
    await this.client.stop();
    this.redis.disconnect();
  }

  private async ask(): Promise<void> {
    const order: SmallClientOrder = { url: this.region.server.url, durationMs: SLICE_MS };
    while (!this.stopped) {
      const latencies = (await this.client.ask(order)) as Latencies;
      (this.busy ? this.loaded : this.quiet).push(latencies);
    }
  }
}

async function untilAccepted(send: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await setTimeout(100);
    }
  }
}

function first<Value>([value]: readonly Value[]): Value {
  if (value === undefined) throw new Error("there is none");
  return value;
}
