// How much of a process is in memory, now and at most. Linux alone tells.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Resets the highest value, see proc_pid_clear_refs(5). */
const RESET_PEAK = "5";

/** @throws Error where the system does not tell a process's memory */
export function requireMemoryFigures(): void {
  if (!existsSync("/proc/self/clear_refs"))
    throw new Error("This system does not tell a process's memory as Linux does.");
}

/** What of a process is in memory, in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

/** The most that was in memory since the last {@link resetPeak}, in bytes; the kernel counts, so that nothing is missed. */
export function peakResidentBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

/** From now on the most is counted anew. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
}
