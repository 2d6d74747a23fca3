// The connection over which a part of the shim replays: it tells that part's time, and what the region has replayed so far.
// While it is down commands fail at once; it goes on trying in the background.

import { setTimeout as sleep } from "node:timers/promises";
import { Redis, type RedisOptions } from "ioredis";
import type { Logger } from "pino";
import type { CallerRole } from "./recordScript";
import { Replayer } from "./replayer";
import { Clock, parseStamp } from "./stamp";

/** What a {@link ReplayConnection} needs. */
export interface ReplayConnectionOptions {
  /** Where the region's cluster is. How commands fail while it is down is not the caller's to say. */
  readonly cluster: Omit<RedisOptions, "replyMapping">;
  /** Names the shim in its stamps, 32 bits. */
  readonly origin: number;
  readonly horizonMs: number;
  readonly role: CallerRole;
  /** How many commands clients have sent on database 0 so far: they wait behind what is replayed. @default none ever */
  readonly regionalCommands?: (() => number) | undefined;
  readonly log: Logger;
}

const FIRST_CONTACT_TIMEOUT_MS = 2_000;
const CLOCK_SAMPLE_INTERVAL_MS = 30_000;
/** A cluster that leaves commands unanswered for so long counts as lost. */
const SOCKET_TIMEOUT_MS = 5_000;

/** See the head of this file. */
export class ReplayConnection {
  readonly cluster: Redis;
  readonly clock: Clock;
  readonly replayer: Replayer;
  private readonly log: Logger;
  private sampling: NodeJS.Timeout | undefined;

  constructor({ cluster, origin, horizonMs, role, regionalCommands, log }: ReplayConnectionOptions) {
    this.log = log;
    this.cluster = new Redis({
      socketTimeout: SOCKET_TIMEOUT_MS,
      ...cluster,
      lazyConnect: true,
      // Whoever replays waits, or leaves it to what comes over the bus. Nothing goes out after it has failed: its memory is
      // used again by then.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      // The address may lead to the new primary by now.
      reconnectOnError: ({ message }) => message.includes("READONLY"),
      retryStrategy: (attempt) => Math.min(2_000, 50 * 2 ** attempt) * (0.5 + Math.random() / 2),
    });
    this.clock = new Clock(origin);
    this.replayer = new Replayer(this.cluster, horizonMs, this.clock.next(), { role, regionalCommands });
  }

  /** Connects and sets the clock. Never rejects, and waits for two seconds at most. */
  async start(): Promise<void> {
    const { cluster, replayer, clock, log } = this;
    let reachable = true;
    cluster.on("error", (error) => {
      if (reachable) log.warn({ err: error }, "cannot reach the cluster for replay: trying again");
      reachable = false;
    });
    const firstContact = new Promise<void>((resolve) => {
      cluster.on("ready", () => {
        if (!reachable) log.info("the cluster can be reached for replay again");
        reachable = true;
        cluster.once("close", () => replayer.disconnected(clock.ceiling()));
        void this.setClock().then(resolve);
      });
    });
    cluster.connect().catch(() => {});
    await Promise.race([firstContact, sleep(FIRST_CONTACT_TIMEOUT_MS, undefined, { ref: false })]);
    this.sampling = setInterval(() => void this.setClock(), CLOCK_SAMPLE_INTERVAL_MS).unref();
  }

  close(): void {
    clearInterval(this.sampling);
    this.cluster.disconnect();
  }

  private async setClock(): Promise<void> {
    try {
      await this.clock.sample(this.cluster);
      const newest = parseStamp(await this.replayer.newest());
      if (newest) this.clock.observe(newest);
    } catch (error) {
      this.log.warn({ err: error }, "cannot read the cluster's clock: going on with the one before");
    }
  }
}
