// What large values cost others: the latency of a small client alone, and while several others move large values in both
// directions. Its growth is what counts; how fast the large ones go is not looked at.
import { setTimeout } from "node:timers/promises";
import { type Load, putLoad } from "./load";
import { median } from "./measurement";
import type { Peer } from "./peers";

/** A small client's p99 on one peer, medians over the rounds. */
export interface BesideFigures {
  readonly peer: string;
  readonly quietP99Ms: number;
  readonly p99Ms: number;
  /** The one by the other, within a round. */
  readonly growth: number;
}

/** What to measure. */
export interface BesidePlan {
  readonly peers: readonly Peer[];
  readonly valueBytes: number;
  /** Of the small client, each time. */
  readonly requests: number;
  readonly rounds: number;
  /** Told what was done, line by line. */
  readonly progress: (line: string) => void;
}

/** As many write large values, and as many read them. */
const MOVERS = 2;
/** Time in which they come up to speed. */
const SETTLE_MS = 1_500;

// INCR has a key of its own.
const usual = { command: "INCR", valueBytes: 1, pipeline: 1, clients: 1, database: 0 } as const;

/** Measures one peer after the other, in an order that changes. */
export async function measureBeside({
  peers,
  valueBytes,
  requests,
  rounds,
  progress,
}: BesidePlan): Promise<BesideFigures[]> {
  const small: Load = { ...usual, requests };
  const series = peers.map((peer) => ({ peer, rounds: [] as Omit<BesideFigures, "peer">[] }));
  for (let round = 0; round < rounds; round++) {
    const first = round % series.length;
    for (const { peer, rounds: figures } of [...series.slice(first), ...series.slice(0, first)]) {
      const { p99Ms: quietP99Ms } = await putLoad(peer.url, small);
      const { p99Ms } = await whileMoving(peer.url, valueBytes, () => putLoad(peer.url, small));
      figures.push({ quietP99Ms, p99Ms, growth: p99Ms / quietP99Ms });
      progress(`round ${round + 1} of ${rounds}: ${peer.name}: p99 ${quietP99Ms} ms alone, ${p99Ms} ms beside`);
    }
  }
  return series.map(({ peer, rounds: figures }) => {
    const of = (figure: keyof Omit<BesideFigures, "peer">): number => median(figures.map((each) => each[figure]));
    return { peer: peer.name, quietP99Ms: of("quietP99Ms"), p99Ms: of("p99Ms"), growth: of("growth") };
  });
}

/** @throws Error where the others stop before the action is done, such as for want of memory */
async function whileMoving<T>(url: string, valueBytes: number, action: () => Promise<T>): Promise<T> {
  const end = new AbortController();
  const movers = (["SET", "GET"] as const).map((command) => {
    // More requests than there is time for.
    const load: Load = { command, valueBytes, pipeline: 1, clients: MOVERS, database: 0, requests: 1_000_000 };
    return putLoad(url, load, end.signal).catch((error: Error) => {
      if (!end.signal.aborted) throw error;
    });
  });
  const moving = Promise.all(movers).then(() => {
    throw new Error("redis-benchmark has moved more large values than it was meant to");
  });
  try {
    return await Promise.race([moving, setTimeout(SETTLE_MS).then(action)]);
  } finally {
    end.abort();
    await Promise.allSettled(movers);
    await moving.catch(() => undefined);
  }
}
