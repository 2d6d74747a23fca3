// Replication between a server and a bus, without a shim around it, with figures that suit tests.
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Server } from "../../local/servers";
import { Replication, type ReplicationOptions } from "../../shim/replication/replication";

/** Not started yet; what the options leave out is quick, and far from its limits. */
export function newReplication(
  server: Pick<Server, "url">,
  options: Pick<ReplicationOptions, "region" | "bus" | "envelopeKeys"> & Partial<ReplicationOptions>,
): Replication {
  const { hostname, port, password } = new URL(server.url);
  return new Replication({
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
  });
}
