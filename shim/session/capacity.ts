// How many clients a process can hold. Descriptors are kept back for everything else, so that clients which are too many
// get an error and do not take the way to the cluster away from the others.
import type { Logger } from "pino";

/**
 * Descriptors that a shim needs beside those of its clients, connections that do not become clients included; lanes that
 * serve one session each share the clients' part.
 */
const RESERVED_FILES = 96;

/** Clients to allow: as many as wanted, or as the limit of open files leaves room for, which Redis does as well. */
export function affordableClients(wanted: number, log: Logger): number {
  const { userLimits } = process.report.getReport() as { userLimits: { open_files: { soft: number | "unlimited" } } };
  const { soft } = userLimits.open_files;
  if (soft === "unlimited" || soft - RESERVED_FILES >= wanted) return wanted;
  const affordable = Math.max(1, soft - RESERVED_FILES);
  log.warn(
    { openFiles: soft, maxClients: affordable, wanted },
    `fewer clients than configured fit into the limit of open files: raise it to ${wanted + RESERVED_FILES} by ulimit -n`,
  );
  return affordable;
}
