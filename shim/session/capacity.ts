// How many clients a process can hold, and how many lanes that serve one of them. Descriptors are kept back for everything
// else, so that what is too many gets an error and does not take the way to the cluster away from the others.
import type { Logger } from "pino";
import type { Configuration } from "../configuration";

/** What a process holds at most. */
export interface Capacity {
  /** Clients connected. */
  readonly maxClients: number;
  /** Lanes that serve one session each. */
  readonly maxPrivateLanes: number;
}

/** Descriptors that a shim needs beside its lanes, connections that do not become clients included. */
const RESERVED_FILES = 96;
const PROTOCOLS = 2;

/** What to allow: as many as wanted, or as the limit of open files leaves room for, which Redis does as well. */
export function affordable(
  { maxClients, maxPrivateLanes, lanesPerProtocol }: Pick<Configuration, keyof Capacity | "lanesPerProtocol">,
  log: Logger,
): Capacity {
  const { userLimits } = process.report.getReport() as { userLimits: { open_files: { soft: number | "unlimited" } } };
  const { soft } = userLimits.open_files;
  const wanted = maxClients + maxPrivateLanes;
  const reserved = RESERVED_FILES + PROTOCOLS * lanesPerProtocol;
  if (soft === "unlimited" || soft - reserved >= wanted) return { maxClients, maxPrivateLanes };
  const share = (soft - reserved) / wanted;
  const fewer = {
    maxClients: Math.max(1, Math.floor(maxClients * share)),
    maxPrivateLanes: Math.max(1, Math.floor(maxPrivateLanes * share)),
  };
  log.warn(
    { openFiles: soft, ...fewer, wanted: { maxClients, maxPrivateLanes } },
    `fewer clients and lanes than configured fit into the limit of open files: raise it to ${wanted + reserved} by ulimit -n`,
  );
  return fewer;
}
