// The shim's own metrics, for Prometheus. Counters of the hot path are read when asked for.
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { OnRequest } from "../bus/sdk";
import type { LanePool } from "../upstream/lanePool";
import type { Counters } from "./counters";

const help: Readonly<Record<keyof Counters, string>> = {
  connections: "Client connections accepted",
  rejected: "Client connections turned away because there were too many",
  forwarded: "Commands passed on to the cluster",
  local: "Commands answered by the shim",
  refused: "Commands refused by policy",
  acknowledged: "Reads on database 1, answered OK and not sent",
  overflows: "Clients disconnected because they read too slowly, or sent too much behind a command that blocks",
};

/** A registry with what a shim tells of itself; replication adds its own. */
export function newRegistry(counters: Counters, pool: LanePool, sessions: () => number): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const [name, text] of Object.entries(help) as [keyof Counters, string][]) {
    totalOf(`redis_on_fly_${name}_total`, text, () => counters[name]);
  }
  totalOf("redis_on_fly_lane_losses_total", "Shared lanes to the cluster lost", () => pool.losses);
  totalOf(
    "redis_on_fly_pushes_dropped_total",
    "Push frames of the cluster, which belong to no request",
    () => pool.pushes,
  );
  new Gauge({
    name: "redis_on_fly_sessions",
    help: "Clients connected",
    registers,
    collect() {
      this.set(sessions());
    },
  });
  return registry;

  function totalOf(name: string, text: string, read: () => number): void {
    new Counter({
      name,
      help: text,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}

/** Adds the counter of requests to the bus. @returns what counts one */
export function countRequests(registry: Registry): OnRequest {
  const requests = new Counter({
    name: "redis_on_fly_bus_requests_total",
    help: "Requests to SNS and SQS, which charge for each, by operation; one that is tried again counts again",
    labelNames: ["operation"],
    registers: [registry],
  });
  return (operation) => requests.inc({ operation });
}
