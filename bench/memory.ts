// What a large value costs a proxy in memory: how much its resident memory grows by, at most, while a value of that size
// is set through it, and while it is read.
import { setTimeout } from "node:timers/promises";
import { median } from "./measurement";
import type { Peer } from "./peers";
import { peakResidentBytes, requireMemoryFigures, resetPeak, residentBytes } from "./residentMemory";
import { ValueClient } from "./valueClient";

const commands = ["SET", "GET"] as const;

/** A peer's growth above what it had after its warm-up, or right before the value where that is less; over the rounds. */
export interface MemoryFigures {
  readonly peer: string;
  readonly command: (typeof commands)[number];
  readonly medianBytes: number;
  readonly maxBytes: number;
}

/** What to measure. */
export interface MemoryPlan {
  /** Those that are no process are left out. */
  readonly peers: readonly Peer[];
  readonly valueBytes: number;
  readonly rounds: number;
  /** Told what was done, line by line. */
  readonly progress: (line: string) => void;
}

const KEY = "memory";
const WARM_UPS = 10;
const WARM_UP_BYTES = 1024 ** 2;
/** Time for what is under way to end. */
const SETTLE_MS = 1_000;

/**
 * One value after the other, through one peer after the other, in an order that changes.
 *
 * @throws Error where the system does not tell a process's memory, or where a value does not come back as it was set
 */
export async function measureMemory({ peers, valueBytes, rounds, progress }: MemoryPlan): Promise<MemoryFigures[]> {
  requireMemoryFigures();
  const proxies = peers.flatMap(({ name, url, pid }) => (pid === undefined ? [] : [{ name, url, pid }]));
  for (const { url } of proxies) {
    for (let count = 0; count < WARM_UPS; count++) {
      for (const command of commands) await move(url, command, WARM_UP_BYTES);
    }
  }
  await setTimeout(SETTLE_MS);
  const all = proxies.map((proxy) => ({
    ...proxy,
    // Memory that a proxy keeps after the first round counts in the others as well.
    warmBytes: residentBytes(proxy.pid),
    growth: { SET: [] as number[], GET: [] as number[] },
  }));
  for (let round = 0; round < rounds; round++) {
    const first = round % all.length;
    for (const { name, url, pid, warmBytes, growth } of [...all.slice(first), ...all.slice(0, first)]) {
      for (const command of commands) {
        resetPeak(pid);
        const beforeBytes = Math.min(warmBytes, residentBytes(pid));
        await move(url, command, valueBytes);
        growth[command].push(peakResidentBytes(pid) - beforeBytes);
      }
      const grown = commands.map((command) => `${command} ${megabytes(growth[command].at(-1))} MB`);
      progress(`round ${round + 1} of ${rounds}: ${name}: grown by ${grown.join(", ")}`);
    }
  }
  return all.flatMap(({ name, growth }) =>
    commands.map((command) => ({
      peer: name,
      command,
      medianBytes: median(growth[command]),
      maxBytes: Math.max(...growth[command]),
    })),
  );
}

/** As a client of its own. */
async function move(url: string, command: "SET" | "GET", bytes: number): Promise<void> {
  const client = await ValueClient.connect(url);
  try {
    if (command === "SET") await client.set(KEY, bytes);
    else await client.get(KEY, bytes);
  } finally {
    client.close();
  }
}

function megabytes(bytes = Number.NaN): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
