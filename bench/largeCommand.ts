// What a large SET on database 1 costs: how much the memory of each region's shim grows by, how long it takes to be in
// every region, and how long the regions' other clients wait meanwhile.
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { Fabric, type Region } from "@redis-on-fly/local/dist/fabric";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { Redis } from "ioredis";
import { quantile } from "./measurement";
import { peakResidentBytes, requireMemoryFigures, resetPeak, residentBytes } from "./residentMemory";

/** What one region had to bear. */
export interface LargeCommandFigures {
  readonly region: string;
  /** From the client's first byte until the region had the value; in the writer's, until the client had its `OK`. */
  readonly arrivedMs: number;
  /** Growth of the shim's resident memory at its highest. */
  readonly shimGrowthBytes: number;
  /** Of requests to the region's server, one after the other. */
  readonly quietP99Ms: number;
  readonly busyP99Ms: number;
  readonly busyMaxMs: number;
}

const REGIONS = ["us-east-1", "eu-west-1", "ap-northeast-1"];
const QUIET_MS = 3_000;
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
  const probes = fabric.regions.map((region) => new Probe(region));
  const writer = new Redis(fabric.url(first(fabric.regions)), { db: 1 });
  try {
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
    return probes.map((probe, index) => probe.figures(index === 0 ? acceptedMs : (arrivedMs[index] ?? Number.NaN)));
  } finally {
    writer.disconnect();
    for (const probe of probes) probe.stop();
    await fabric.stop();
  }
}

/** Watches one region from beside its shim. */
class Probe {
  private readonly client: Redis;
  private readonly pid: number;
  private readonly quietMs: number[] = [];
  private readonly busyMs: number[] = [];
  private busy = false;
  private stopped = false;
  private before = 0;

  constructor(private readonly region: Region) {
    this.client = new Redis(region.server.url);
    this.pid = first(region.shims).pid;
    void this.ask();
  }

  /** A fabric's servers are smaller than what is to be sent. */
  async makeRoom(bytes: number): Promise<void> {
    await this.client.config("SET", "maxmemory", bytes);
  }

  begin(): void {
    this.before = residentBytes(this.pid);
    resetPeak(this.pid);
    this.busy = true;
  }

  /** Milliseconds until the region has a value of so many bytes. */
  async arrival(key: string, bytes: number, startedMs: number): Promise<number> {
    while (performance.now() - startedMs < TIMEOUT_MS) {
      if ((await this.client.strlen(key)) === bytes) return performance.now() - startedMs;
      await setTimeout(SAMPLE_MS);
    }
    throw new Error(`${this.region.name} has not got the value within ${TIMEOUT_MS} ms.`);
  }

  figures(arrivedMs: number): LargeCommandFigures {
    return {
      region: this.region.name,
      arrivedMs,
      shimGrowthBytes: peakResidentBytes(this.pid) - this.before,
      quietP99Ms: quantile(this.quietMs, 0.99),
      busyP99Ms: quantile(this.busyMs, 0.99),
      busyMaxMs: quantile(this.busyMs, 1),
    };
  }

  stop(): void {
    this.stopped = true;
    this.client.disconnect();
  }

  private async ask(): Promise<void> {
    while (!this.stopped) {
      const startedMs = performance.now();
      await this.client.get("small").catch(() => {});
      (this.busy ? this.busyMs : this.quietMs).push(performance.now() - startedMs);
      await setTimeout(1);
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
