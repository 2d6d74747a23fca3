// Accepted commands that a server cannot run, whenever it is tried.

import type { Logger } from "pino";
import type { ReplayOutcome } from "./replayer";

/** Says which, without their arguments: those are the application's. */
export function logPoison(log: Logger, { poison }: ReplayOutcome): void {
  for (const failure of poison) log.error(failure, "the cluster cannot run an accepted command");
}
