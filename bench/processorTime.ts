// How much processor time a process has used, all its threads together. Only Linux tells it finely enough.
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Whether this system tells. */
export const processorTimeIsKnown = existsSync("/proc/self/schedstat");

/**
 * Time on a processor, user and system, since the start of a process, in microseconds; NaN where the system does not tell.
 * Threads that have ended do not count, so those of the time between two readings must live on.
 */
export function processorMicroseconds(pid: number): number {
  if (!processorTimeIsKnown) return Number.NaN;
  const threads = readdirSync(`/proc/${pid}/task`);
  // The first field is in nanoseconds (proc(5)); /proc/<pid>/stat counts in steps of a hundredth of a second.
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1000;
}
