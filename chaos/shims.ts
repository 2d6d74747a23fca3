// A shim of a fabric: its replication runs in this process, tells the time of its region's wrong clock, and ends as suddenly
// as a process that is killed.
import { randomBytes } from "node:crypto";
import type { Server } from "@redis-on-fly/local/dist/servers";
import { Inbound } from "@redis-on-fly/shim/dist/inbound/inbound";
import { EnvelopeCodec, type EnvelopeKey } from "@redis-on-fly/shim/dist/replication/envelope";
import type { Peer } from "@redis-on-fly/shim/dist/replication/regions";
import type { ScriptArguments } from "@redis-on-fly/shim/dist/replication/replayBatch";
import { Replication } from "@redis-on-fly/shim/dist/replication/replication";
import { MAX_AHEAD_MS, type Stamp, stampText } from "@redis-on-fly/shim/dist/replication/stamp";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { Registry } from "prom-client";
import { ENVELOPE_BYTES } from "./largeCommands";
import type { NetworkEnd } from "./network";
import type { Accepted } from "./publication";

/** A running shim, or one that was killed. */
export interface Shim {
  readonly replication: Replication;
  /** Those over which it replays: at home, and what comes in. */
  readonly connections: readonly Connection[];
  readonly end: NetworkEnd;
  /** What its clients were told to be accepted. */
  readonly accepted: Accepted[];
  /** Commands that were taken apart and had not come to their end when it was killed. */
  readonly broken: (readonly Buffer[])[];
}

/** What a shim is started with. */
export interface ShimOptions {
  readonly region: string;
  readonly server: Server;
  readonly end: NetworkEnd;
  /** How far the clock of the region's server is ahead. */
  readonly skewMs: number;
  /** How much time has been made to pass everywhere. */
  readonly passedMs: () => number;
  /** All regions, as they were heard last. */
  readonly peers: readonly Peer[];
}

/** What a shim keeps to itself: a wrong clock, a sudden end and the passing of time are no options of its own. */
interface Connection {
  readonly clock: {
    readonly lastMs: number;
    readonly lastCounter: number;
    readonly origin: number;
    nowMs(): number;
    next(): Stamp;
    observe(stamp: Stamp): boolean;
    ceiling(): Stamp;
  };
  readonly cluster: Redis;
  readonly replayer: { lead(): ScriptArguments; tend(): Promise<void>; disconnected(ceiling: Stamp): void };
}

interface Insides {
  readonly connection: Connection;
  readonly regions: { hear(peer: Peer): Promise<void>; heardMs(): number };
}

/** How long records are kept, and by how much longer a generation of them lasts. */
export const HORIZON_MS = 600_000;
export const SPAN_MS = HORIZON_MS + MAX_AHEAD_MS;
const LARGE_MAX_BYTES = 1 << 20;
const envelopeKeys: readonly [EnvelopeKey] = [{ id: 1, key: randomBytes(32) }];
const log = pino({ level: process.env.LOG_LEVEL ?? "silent" });

/** Opens what the shims have sealed. */
export const codec = new EnvelopeCodec(envelopeKeys);

export function insides(replication: Replication): Insides {
  return replication as unknown as Insides;
}

/** The newest stamp that the shim has issued or seen. */
export function newestStamp({ replication }: Shim): string {
  const { lastMs, lastCounter, origin } = insides(replication).connection.clock;
  return stampText({ ms: lastMs, counter: lastCounter, origin });
}

export async function startShim({ region, server, end, skewMs, passedMs, peers }: ShimOptions): Promise<Shim> {
  const url = new URL(server.url);
  const shared = {
    region,
    cluster: { host: url.hostname, port: Number(url.port), password: url.password, disconnectTimeout: 100 },
    envelopeKeys,
    horizonMs: HORIZON_MS,
    log,
  };
  const connections: Connection[] = [];
  const replication = new Replication({
    ...shared,
    topic: end,
    inbound: (front, origin) => {
      const inbound = new Inbound({ ...shared, origin, queue: end, receiveIntervalMs: 1 }, front);
      connections.push((inbound as unknown as Pick<Insides, "connection">).connection);
      return inbound;
    },
    publishIntervalMs: 3,
    outboxMaxBytes: 1 << 20,
    envelopeVersion: 2,
    envelopeMaxBytes: ENVELOPE_BYTES,
    recordsMaxBytes: 1 << 26,
    largeCommandMaxBytes: LARGE_MAX_BYTES,
    canaryIntervalMs: 0,
    registry: new Registry(),
  });
  const { connection, regions } = insides(replication);
  connections.push(connection);
  for (const { clock, cluster, replayer } of connections) {
    Object.assign(clock, { monotonicMs: () => performance.now() + passedMs() });
    replayer.disconnected(clock.next());
    const time = cluster.time.bind(cluster);
    Object.assign(cluster, {
      time: async () => {
        const [seconds = 0, microseconds = 0] = await time();
        return [Number(seconds) + (skewMs + passedMs()) / 1000, microseconds];
      },
    });
  }
  await replication.start();
  await hear(regions, peers);
  return { replication, connections, end, accepted: [], broken: [] };
}

/** As if canaries of these regions had come. */
export async function hear(regions: Insides["regions"], peers: readonly Peer[]): Promise<void> {
  // What the server does not get the shim has learned nevertheless.
  await Promise.all(peers.map((peer) => regions.hear(peer).catch(() => {})));
}

/** Ends a shim as SIGKILL does: whatever it was about to do does not happen. */
export async function killShim({ replication, connections, end }: Shim): Promise<void> {
  void end.close();
  for (const { cluster } of connections) cluster.disconnect();
  await replication.drain(0);
}
