// A shim in front of a server of its own, and a plain server beside it, that are sent batches of streams.
import { readFileSync } from "node:fs";
import { Fabric, type LaunchShim } from "@redis-on-fly/local/dist/fabric";
import { freePort, Server } from "@redis-on-fly/local/dist/servers";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import fc from "fast-check";
import { Duel } from "./duel";
import { memberVariables, type Stream, streams, typedStreams } from "./streams";

/** Streams that a {@link Pair} is sent one after the other. */
export interface Batch {
  readonly seed: number;
  readonly streams: number;
  readonly protocol: 2 | 3;
  readonly database: 0 | 1;
  /** Whether they go to the port where database 1 answers in types. */
  readonly typed: boolean;
}

const PROTOCOLS = [2, 3] as const;
const TARGETS = [
  { database: 0, typed: false },
  { database: 1, typed: false },
  { database: 1, typed: true },
] as const;
const MAX_GROWTH_MB = 64;

/** See the head of this file. */
export class Pair {
  private readonly duels: readonly { readonly batch: Omit<Batch, "seed" | "streams">; readonly duel: Duel }[];
  /** Since the first batch on a database, which has memory of its own for it. */
  private base: { readonly database: 0 | 1; readonly megabytes: number } | undefined;
  private mostMb = 0;

  private constructor(
    private readonly fabric: Fabric,
    private readonly server: Server,
    shimUrl: string,
    typedUrl: string,
    private readonly shimPid: number,
  ) {
    this.duels = TARGETS.flatMap(({ database, typed }) =>
      PROTOCOLS.map((protocol) => ({
        batch: { protocol, database, typed },
        duel: new Duel(typed ? typedUrl : shimUrl, server.url, protocol, database),
      })),
    );
  }

  static async start(): Promise<Pair> {
    const server = await Server.start();
    try {
      const typedPort = String(await freePort());
      const variables = { ...memberVariables, FLY_REDIS_TYPED_PORT: typedPort };
      const launch: LaunchShim = (environment) => launchShimProcess({ ...environment, ...variables });
      const fabric = await Fabric.start({ regions: ["eu-west-1"], shims: 1, faults: noFaults, launch });
      const [region] = fabric.regions;
      const [shim] = region?.shims ?? [];
      if (!region || !shim) throw new Error("the fabric has no shim");
      const url = fabric.url(region);
      const typedUrl = Object.assign(new URL(url), { port: typedPort }).href;
      return new Pair(fabric, server, url, typedUrl, shim.pid);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** What the shim's resident memory has grown by since the first batch on either database, at most, in MB. */
  get growthMb(): number {
    return this.mostMb;
  }

  /** @throws Error where the two differ, with the stream; or where the shim has grown too much */
  async run({ seed, streams: numRuns, protocol, database, typed }: Batch): Promise<void> {
    const duel = this.duels.find(
      ({ batch }) => batch.protocol === protocol && batch.database === database && batch.typed === typed,
    )?.duel;
    const details = await fc.check(
      fc.asyncProperty(typed ? typedStreams : streams, async (stream) => duel?.run(stream)),
      // Shrinking would run on what the failure left behind; the seed and the stream tell enough.
      { seed, numRuns, endOnFailure: true },
    );
    if (details.failed) throw failure(details);
    const megabytes = residentMegabytes(this.shimPid);
    if (this.base?.database !== database) this.base = { database, megabytes };
    const { base } = this;
    this.mostMb = Math.max(this.mostMb, megabytes - base.megabytes);
    if (this.mostMb > MAX_GROWTH_MB) throw new Error(`the shim has grown from ${base.megabytes} to ${megabytes} MB`);
  }

  async stop(): Promise<void> {
    for (const { duel } of this.duels) duel.close();
    await Promise.all([this.fabric.stop(), this.server.stop()]);
  }
}

function failure({ counterexample, errorInstance, seed, numRuns }: fc.RunDetails<[Stream]>): Error {
  const [stream] = counterexample ?? [];
  const pieces = stream?.pieces.map((piece) => JSON.stringify(piece.toString("latin1"))).join("\n");
  return new Error(`stream ${numRuns} of seed ${seed}: ${String(errorInstance)}\n\nsent in these pieces:\n${pieces}`);
}

/** Resident memory, where the system tells it. */
function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return 0;
  }
}
