// Runs a program as if it were deployed in a region: with that region's FLY_REDIS_CACHE_URL, in the folder that npm was
// called from, with our terminal and our signals.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { cacheUrlVariable } from "@redis-on-fly/shim/dist/contract";
import type { RegionState } from "./state";

/**
 * Runs `program` and waits for its end.
 *
 * @returns its exit code; 128 and the signal's number where one killed it
 * @throws Error where the region is not there or the program cannot be run
 */
export async function runInRegion(
  name: string,
  [command = "", ...args]: readonly string[],
  regions: readonly RegionState[],
): Promise<number> {
  const region = regions.find((each) => each.name === name);
  if (!region) {
    const names = regions.map((each) => each.name).join(", ");
    throw new Error(`${name} is not a region of this fabric: name one of ${names}, or start it with --regions.`);
  }
  const child = spawn(command, args, {
    cwd: process.env.INIT_CWD,
    env: { ...process.env, [cacheUrlVariable]: region.url },
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(new Error(`${command} cannot be run: ${cause.message}`, { cause })));
    child.on("close", (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)));
  });
}
