// Who gets a core first. Where all that is measured shares few of them, what one waits for another says nothing of what it
// would wait where each has its own; Linux can let some go ahead of all others.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** `fifo`: in real time, ahead of all that is `other`, which is how everything runs otherwise. */
export type Policy = "fifo" | "other";

const priorities = { fifo: "1", other: "0" } as const;

/**
 * Schedules a process's main thread otherwise.
 *
 * @param allThreads - all that it has now
 * @returns whether it could: it takes Linux, `chrt` (util-linux) and, for `fifo`, a right that root has
 */
export async function schedule(pid: number, policy: Policy, allThreads = false): Promise<boolean> {
  const args = [`--${policy}`, ...(allThreads ? ["--all-tasks"] : []), "--pid", priorities[policy], String(pid)];
  try {
    await run("chrt", args);
    return true;
  } catch {
    return false;
  }
}
