// Redis on Fly on one machine: per region a real server, its shims and its part of the bus. Whatever a fabric started is
// gone when it has stopped, or has failed to start.
import { randomBytes } from "node:crypto";
import { shimVariables } from "@redis-on-fly/shim/dist/contract";
import { type BusAddresses, createBus, credentials } from "./bus";
import { Emulator } from "./emulator";
import type { ServerProgram } from "./serverBinary";
import { Server } from "./servers";
import type { Faults } from "./wires";

/** A shim that serves. */
export interface RunningShim {
  readonly port: number;
  readonly operationsPort: number;
  readonly pid: number;
  /** Stops it as SIGTERM does. */
  stop(): Promise<void>;
  /** Settles when it is gone, with words for how that came about. */
  ended(): Promise<string>;
}

/** Starts a shim from its environment variables. */
export type LaunchShim = (environment: Readonly<Record<string, string>>) => Promise<RunningShim>;

/** What to run. */
export interface FabricOptions {
  readonly regions: readonly string[];
  /** Shims per region. */
  readonly shims: number;
  readonly faults: Faults;
  /** Port of the first shim, the next one's is one higher, and so on. @default free ports */
  readonly port?: number | undefined;
  readonly launch: LaunchShim;
  /** What runs as each region's cluster. @default the server of this machine */
  readonly server?: ServerProgram | undefined;
}

/** A region of a running fabric. */
export interface Region {
  readonly name: string;
  readonly server: Server;
  readonly bus: BusAddresses;
  readonly shims: RunningShim[];
}

const USER = "app";
// Nobody wants to wait for idle clients when a laptop's fabric stops.
const DRAIN_TIMEOUT_MS = 3000;

/** A running fabric. */
export class Fabric {
  /** In the order of the options. */
  readonly regions: Region[] = [];
  private readonly password = randomBytes(18).toString("base64url");
  private readonly envelopeKeys = `1:${randomBytes(32).toString("base64")}`;

  private constructor(
    private readonly options: FabricOptions,
    /** The bus; cuts and heals. */
    readonly emulator: Emulator,
  ) {}

  static async start(options: FabricOptions): Promise<Fabric> {
    const fabric = new Fabric(options, await Emulator.start(options.faults));
    try {
      await fabric.startRegions();
      return fabric;
    } catch (error) {
      await fabric.stop();
      throw error;
    }
  }

  /** What an application in the region gets as `FLY_REDIS_CACHE_URL`: the first shim's URL, or that of another one. */
  url(region: Region, shim = region.shims[0]): string {
    if (!shim) throw new Error(`${region.name} has no shim`);
    return `redis://${USER}:${this.password}@127.0.0.1:${shim.port}`;
  }

  /** Starts one more shim in a region. @param port 0 takes a free one */
  async startShim(region: Region, port = 0): Promise<RunningShim> {
    const shim = await this.options.launch({
      [shimVariables.region]: region.name,
      [shimVariables.host]: "127.0.0.1",
      [shimVariables.port]: String(port),
      [shimVariables.operationsHost]: "127.0.0.1",
      [shimVariables.operationsPort]: "0",
      [shimVariables.user]: USER,
      [shimVariables.password]: this.password,
      [shimVariables.clusterUrl]: region.server.url,
      [shimVariables.topicArn]: region.bus.topicArn,
      [shimVariables.queueUrl]: region.bus.queueUrl,
      [shimVariables.deadLetterQueueUrl]: region.bus.deadLetterQueueUrl,
      [shimVariables.busEndpoint]: this.emulator.endpoint,
      [shimVariables.envelopeKeys]: this.envelopeKeys,
      [shimVariables.drainTimeoutMs]: String(DRAIN_TIMEOUT_MS),
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
    region.shims.push(shim);
    return shim;
  }

  /** Stops the shims, which drain into the bus, then everything else. */
  async stop(): Promise<void> {
    await Promise.all(this.regions.flatMap(({ shims }) => shims.map((shim) => shim.stop())));
    await Promise.all(this.regions.map(({ server }) => server.stop()));
    await this.emulator.stop();
  }

  private async startRegions(): Promise<void> {
    const { regions, shims, port } = this.options;
    const bus = await createBus(this.emulator.endpoint, regions);
    await settle(
      [...bus].map(async ([name, addresses]) => {
        this.regions.push({ name, server: await Server.start(this.options.server), bus: addresses, shims: [] });
      }),
    );
    this.regions.sort((a, b) => regions.indexOf(a.name) - regions.indexOf(b.name));
    await settle(
      this.regions.flatMap((region, index) =>
        Array.from({ length: shims }, (_, shim) =>
          this.startShim(region, port === undefined ? 0 : port + index * shims + shim),
        ),
      ),
    );
    for (const region of this.regions) region.shims.sort((a, b) => a.port - b.port);
  }
}

/** Waits for all, so that nothing is still starting when the first failure is thrown. */
async function settle(promises: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
