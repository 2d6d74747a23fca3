// A shim as `npm start` runs it: the built program, in a process of its own, told everything by its environment.
import { shimVariables } from "@redis-on-fly/shim/dist/contract";
import type { LaunchShim } from "./fabric";
import { Program } from "./program";

/** As in the shim's image: what large commands took up goes back to the system at once (glibc). */
const allocator = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072", MALLOC_TRIM_THRESHOLD_: "131072" };

/** Starts a shim's process; it is there once it has logged that it is ready. */
export const launchShimProcess: LaunchShim = async (environment) => {
  const program = await Program.start({
    command: process.execPath,
    args: [require.resolve("@redis-on-fly/shim")],
    environment: { ...allocator, ...environment },
  });
  const ports = await program.unlessEnded(
    `The shim of ${environment[shimVariables.region]}`,
    new Promise<Ports>((resolve) => {
      program.on("line", (line) => {
        const ready = parseReady(line);
        if (ready) resolve(ready);
      });
    }),
  );
  return {
    ...ports,
    pid: program.pid,
    stop: () => program.stop(),
    ended: () => program.lastWords(),
  };
};

interface Ports {
  readonly port: number;
  readonly operationsPort: number;
}

/** The log line that says where it listens. */
function parseReady(line: string): Ports | undefined {
  try {
    const { msg, port, operationsPort } = JSON.parse(line);
    return msg === "ready" ? { port, operationsPort } : undefined;
  } catch {
    return undefined;
  }
}
