// What a running fabric tells other commands of this checkout: a file, which counts only while the fabric's emulator
// answers, so that one left behind by a crash is as good as none.
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localFolder } from "./serverBinary";

const file = join(localFolder, "fabric.json");

/** A region as `--json` prints it. */
export interface RegionState {
  readonly name: string;
  /** `FLY_REDIS_CACHE_URL` of the region's applications. */
  readonly url: string;
  /** The server's own URL. */
  readonly cluster: string;
  /** Process of the region's first shim. */
  readonly pid: number;
}

/** A running fabric. */
export interface FabricState {
  readonly pid: number;
  readonly endpoint: string;
  readonly regions: readonly RegionState[];
}

/** The fabric that runs in this checkout, if there is one. */
export async function runningFabric(): Promise<FabricState | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const state: FabricState = JSON.parse(text);
    if ((await fetch(new URL("/health", state.endpoint))).ok) return state;
  } catch {
    // Nobody answers, or it is no file of a fabric.
  }
  await rm(file, { force: true });
  return undefined;
}

/** Makes a fabric known. @throws Error where another one became known meanwhile */
export async function publishFabric(state: FabricState): Promise<void> {
  await mkdir(localFolder, { recursive: true });
  const written = `${file}.${state.pid}`;
  try {
    // It holds passwords.
    await writeFile(written, JSON.stringify(state), { mode: 0o600 });
    // Whole or not at all; and one of two wins that start at the same time.
    await link(written, file);
  } finally {
    await rm(written, { force: true });
  }
}

/** Forgets the fabric that {@link publishFabric} made known. */
export async function withdrawFabric(): Promise<void> {
  await rm(file, { force: true });
}
