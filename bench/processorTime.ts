// How much processor time a process has used, all its threads together. Only Linux tells it finely enough.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Whether this system tells. */
export const processorTimeIsKnown = existsSync("/proc/self/stat");

const ticksPerSecond = processorTimeIsKnown ? Number(execFileSync("getconf", ["CLK_TCK"])) : Number.NaN;

/** User and system time of a process since its start, in microseconds; NaN where the system does not tell. */
export function processorMicroseconds(pid: number): number {
  if (!processorTimeIsKnown) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field, the name, may contain anything; proc(5) counts from 1, so the third is the first behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userTicks, systemTicks] = [fields[14 - 3], fields[15 - 3]].map(Number);
  return (((userTicks ?? Number.NaN) + (systemTicks ?? Number.NaN)) / ticksPerSecond) * 1e6;
}
