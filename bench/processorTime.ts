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
  return threads.reduce((sum, thread) => sum + (schedulingOf(pid, thread)[0] ?? Number.NaN), 0) / 1000;
}

/** Time that a process's main thread could have run and had no core for, in milliseconds; NaN as above. */
export function coreWaitMs(pid: number): number {
  return processorTimeIsKnown ? (schedulingOf(pid, String(pid))[1] ?? Number.NaN) / 1e6 : Number.NaN;
}

/** Nanoseconds on a core and waiting for one (proc(5)); /proc/<pid>/stat counts in steps of a hundredth of a second. */
function schedulingOf(pid: number, thread: string): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ").map(Number);
}
