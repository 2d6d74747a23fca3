// What the shim is meant to reach, as data, and whether a run has. Most aims of loads are ratios within the run, which say
// something on any machine; those of memory are bytes.
import type { BesideFigures } from "./beside";
import type { IdleFigures } from "./idle";
import type { Load } from "./load";
import { nameOf, type Result } from "./measurement";
import type { MemoryFigures } from "./memory";
import type { ReplayFigures } from "./replay";

interface Aim {
  readonly aim: string;
  readonly applies: (load: Load) => boolean;
  readonly measure: (result: Result) => number | undefined;
  readonly isMet: (measured: number) => boolean;
}

/** An aim beside what came out. */
export interface Judgement {
  readonly aim: string;
  /** What was measured, as people call it. */
  readonly subject: string;
  readonly measured: number;
  readonly met: boolean;
}

const LARGE_BYTES = 64 * 1024;

function isSmall({ valueBytes, clients, database }: Load): boolean {
  return valueBytes === 64 && clients === 50 && database === 0;
}

const aims: readonly Aim[] = [
  {
    aim: "CPU ≤ 1.0 × nutcracker's",
    applies: (load) => isSmall(load) && load.pipeline === 1,
    measure: ({ ratios }) => ratios.nutcracker?.cost,
    isMet: (measured) => measured <= 1,
  },
  {
    aim: "CPU ≤ 0.4 × nutcracker's",
    applies: (load) => isSmall(load) && load.pipeline === 16,
    measure: ({ ratios }) => ratios.nutcracker?.cost,
    isMet: (measured) => measured <= 0.4,
  },
  {
    aim: "CPU ≤ 0.8 × HAProxy's",
    applies: (load) => isSmall(load) && load.pipeline === 16,
    measure: ({ ratios }) => ratios.HAProxy?.cost,
    isMet: (measured) => measured <= 0.8,
  },
  {
    aim: "requests/s ≥ 1.0 × direct",
    applies: ({ clients, pipeline }) => clients === 500 && pipeline === 1,
    measure: ({ ratios }) => ratios.direct?.rate,
    isMet: (measured) => measured >= 1,
  },
  {
    aim: "requests/s ≥ 0.9 × HAProxy's",
    applies: ({ valueBytes }) => valueBytes >= LARGE_BYTES,
    measure: ({ ratios }) => ratios.HAProxy?.rate,
    isMet: (measured) => measured >= 0.9,
  },
  {
    aim: "accepted/s and core ≥ 500,000",
    applies: ({ database }) => database === 1,
    measure: ({ figures }) => 1e6 / figures.proxyMicros,
    isMet: (measured) => measured >= 500_000,
  },
];

/** The aims that have something to say of these results; those without a peer or without processor time have not. */
export function judgeLoads(results: readonly Result[]): Judgement[] {
  return aims.flatMap(({ aim, applies, measure, isMet }) =>
    results.flatMap((result) => {
      const measured = isShim(result) && applies(result.load) ? measure(result) : undefined;
      return measured === undefined || Number.isNaN(measured)
        ? []
        : [{ aim, subject: nameOf(result.load), measured, met: isMet(measured) }];
    }),
  );
}

/** @returns nothing where the shim was not measured; so do the others */
export function judgeIdle(idle: readonly IdleFigures[]): Judgement[] {
  return idle.filter(ofShim).map(({ clients, bytesPerClient }) => {
    const measured = bytesPerClient / 1024;
    return { aim: "KB a client ≤ 12", subject: `${clients} idle clients`, measured, met: measured <= 12 };
  });
}

export function judgeBeside(beside: readonly BesideFigures[]): Judgement[] {
  return beside.filter(ofShim).map(({ movers, growth }) => ({
    aim: "p99 ≤ 2.0 × alone",
    subject: movers,
    measured: growth,
    met: growth <= 2,
  }));
}

/** By the most, not by the median: memory has to be there when it is needed. */
export function judgeMemory(memory: readonly MemoryFigures[]): Judgement[] {
  return memory.filter(ofShim).map(({ command, maxBytes }) => {
    const measured = maxBytes / 1024 ** 2;
    return { aim: "growth in MB < 64", subject: command, measured, met: measured < 64 };
  });
}

/** The rate asked for is 100,000 overwrites a second, on one core of Redis and half a core of the shim. */
export function judgeReplay({ redisMicros, shimMicros, besideReplay }: ReplayFigures): Judgement[] {
  return [
    { aim: "Redis µs ≤ 10", subject: "an overwrite", measured: redisMicros, met: redisMicros <= 10 },
    { aim: "shim µs ≤ 5", subject: "an overwrite", measured: shimMicros, met: shimMicros <= 5 },
    ...besideReplay.map(({ turn, growth }) => ({
      aim: "p99 ≤ 2.0 × quiet",
      subject: `database 0 gets a core ${turn}`,
      measured: growth,
      met: growth <= 2,
    })),
  ];
}

function ofShim({ peer }: { readonly peer: string }): boolean {
  return peer === "shim";
}

function isShim({ peer, load }: Result): boolean {
  return peer === (load.database === 1 ? "shim, sink" : "shim");
}
