// Replication between a server and a bus, without a shim around it, with figures that suit tests.
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Server } from "../../local/servers";
import { Inbound } from "../../shim/inbound/inbound";
import { Replication, type ReplicationOptions } from "../../shim/replication/replication";
import type { BusEnd } from "./bus";

/** Those of a replication whose way in is in this thread, so that a failing test has one stack and one log. */
export interface JoinedOptions extends Omit<ReplicationOptions, "topic" | "inbound"> {
  readonly bus: BusEnd;
}

/** Not started yet; what the options leave out is quick, and far from its limits. */
export function newReplication(
  server: Pick<Server, "url">,
  options: Pick<JoinedOptions, "region" | "bus" | "envelopeKeys"> & Partial<JoinedOptions>,
): Replication {
  const { hostname, port, password } = new URL(server.url);
  const { bus, ...all }: JoinedOptions = {
    cluster: { host: hostname, port: Number(port), password },
    publishIntervalMs: 2,
    outboxMaxBytes: 1 << 24,
    envelopeVersion: 2,
    envelopeMaxBytes: 1 << 18,
    horizonMs: 600_000,
    recordsMaxBytes: 1 << 26,
    largeCommandMaxBytes: 1 << 20,
    canaryIntervalMs: 40,
    log: pino({ level: process.env.LOG_LEVEL ?? "silent" }),
    registry: new Registry(),
    ...options,
  };
  const receiveIntervalMs = all.publishIntervalMs / 5;
  return new Replication({
    ...all,
    topic: bus,
    inbound: (front, origin) => new Inbound({ ...all, origin, queue: bus, receiveIntervalMs }, front),
  });
}
