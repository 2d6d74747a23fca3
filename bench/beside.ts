// What large values cost others: the latency of a small client alone, and while several others move large values, at a
// pace of theirs or as fast as they can. Its growth is what counts, and what a proxy has more of than Redis.
import { setTimeout } from "node:timers/promises";
import { median } from "./measurement";
import { type Movers, moveElsewhere, type StartMovers } from "./movers";
import { askPaced, type Latencies, medianLatencies } from "./pacedClient";
import type { Peer } from "./peers";

/** A small client on one peer beside movers of one kind: medians over the rounds, and the longest of all. */
export interface BesideFigures {
  readonly peer: string;
  /** What the others do, as people call it. */
  readonly movers: string;
  /** Of all of them together. */
  readonly movedBytesPerSecond: number;
  readonly quiet: Latencies;
  readonly beside: Latencies;
  /** The p99 beside by the one alone, within a round. */
  readonly growth: number;
}

/** What to measure. */
export interface BesidePlan {
  readonly peers: readonly Peer[];
  readonly valueBytes: number;
  /** Of each mover that is paced. */
  readonly bytesPerSecond: number;
  /** Of the small client, each time: some 900 requests a second. */
  readonly durationMs: number;
  readonly rounds: number;
  /** Told what was done, line by line. */
  readonly progress: (line: string) => void;
  /**
   * Time in which movers come up to speed, and after which nothing of them is left.
   *
   * @default 1500
   */
  readonly settleMs?: number;
  /** @default in processes of their own */
  readonly startMovers?: StartMovers;
}

interface Kind {
  readonly movers: string;
  readonly commands: readonly ("SET" | "GET")[];
  readonly bytesPerSecond?: number;
}

type Round = Omit<BesideFigures, "peer" | "movers">;

/** Of each command. */
const CONNECTIONS = 2;
const WARM_UP_MS = 2_000;
const SETTLE_MS = 1_500;

/** Measures one peer after the other, in an order that changes, after a warm-up with all that follows. */
export async function measureBeside(plan: BesidePlan): Promise<BesideFigures[]> {
  const { peers, durationMs, rounds, progress, settleMs = SETTLE_MS } = plan;
  const kinds = kindsOf(plan.bytesPerSecond);
  const series = peers.map((peer) => ({ peer, kinds: kinds.map((kind) => ({ kind, rounds: [] as Round[] })) }));
  const warmUp = { ...plan, durationMs: Math.min(WARM_UP_MS, durationMs) };
  for (const { url } of peers) for (const kind of kinds) await askBeside(url, kind, warmUp);
  await setTimeout(settleMs);
  for (let round = 0; round < rounds; round++) {
    const first = round % series.length;
    for (const { peer, kinds } of [...series.slice(first), ...series.slice(0, first)]) {
      const quiet = await askPaced(peer.url, durationMs);
      progress(`round ${round + 1} of ${rounds}: ${peer.name}: p99 ${quiet.p99Ms.toFixed(2)} ms alone`);
      for (const { kind, rounds: figures } of kinds) {
        const { beside, movedBytesPerSecond } = await askBeside(peer.url, kind, plan);
        figures.push({ movedBytesPerSecond, quiet, beside, growth: beside.p99Ms / quiet.p99Ms });
        progress(`    ${beside.p99Ms.toFixed(2)} ms beside ${kind.movers}`);
        await setTimeout(settleMs);
      }
    }
  }
  return kinds.flatMap(({ movers }, at) =>
    series.map(({ peer, kinds }) => ({ peer: peer.name, movers, ...summarise(kinds[at]?.rounds ?? []) })),
  );
}

function kindsOf(bytesPerSecond: number): readonly Kind[] {
  const pace = `${CONNECTIONS} × ${bytesPerSecond / 1024 ** 2} MB/s`;
  return [
    { movers: `SET, ${pace}`, commands: ["SET"], bytesPerSecond },
    { movers: `GET, ${pace}`, commands: ["GET"], bytesPerSecond },
    { movers: `SET and GET, each ${pace}`, commands: ["SET", "GET"], bytesPerSecond },
    { movers: "SET and GET, unpaced", commands: ["SET", "GET"] },
  ];
}

/** @throws Error where the others stop before the small client has asked all, such as for want of memory */
async function askBeside(
  url: string,
  { commands, bytesPerSecond }: Kind,
  { valueBytes, durationMs, settleMs = SETTLE_MS, startMovers = moveElsewhere }: BesidePlan,
): Promise<Pick<Round, "beside" | "movedBytesPerSecond">> {
  const all: Movers[] = [];
  const takeMoved = async (): Promise<number> =>
    (await Promise.all(all.map((movers) => movers.takeMoved()))).reduce((sum, bytes) => sum + bytes, 0);
  try {
    const order = {
      url,
      valueBytes,
      connections: CONNECTIONS,
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    };
    for (const command of commands) all.push(await startMovers({ ...order, command }));
    await setTimeout(settleMs);
    await takeMoved();
    const beside = await askPaced(url, durationMs);
    return { beside, movedBytesPerSecond: ((await takeMoved()) / durationMs) * 1000 };
  } finally {
    await Promise.all(all.map((movers) => movers.stop()));
  }
}

function summarise(rounds: readonly Round[]): Round {
  const of = (figure: (round: Round) => number): number => median(rounds.map(figure));
  return {
    movedBytesPerSecond: of(({ movedBytesPerSecond }) => movedBytesPerSecond),
    quiet: medianLatencies(rounds.map(({ quiet }) => quiet)),
    beside: medianLatencies(rounds.map(({ beside }) => beside)),
    growth: of(({ growth }) => growth),
  };
}
