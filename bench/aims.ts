// What the shim is meant to reach, as data, and whether a run has. Every aim but the last is a ratio within the run, which
// says something on any machine.
import type { Load } from "./load";
import type { Result } from "./measurement";

interface Aim {
  readonly aim: string;
  readonly applies: (load: Load) => boolean;
  readonly measure: (result: Result) => number | undefined;
  readonly isMet: (measured: number) => boolean;
}

/** An aim beside what came out. */
export interface Judgement {
  readonly aim: string;
  readonly load: Load;
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
export function judgementsOf(results: readonly Result[]): Judgement[] {
  return aims.flatMap(({ aim, applies, measure, isMet }) =>
    results.flatMap((result) => {
      const measured = isShim(result) && applies(result.load) ? measure(result) : undefined;
      return measured === undefined || Number.isNaN(measured)
        ? []
        : [{ aim, load: result.load, measured, met: isMet(measured) }];
    }),
  );
}

function isShim({ peer, load }: Result): boolean {
  return peer === (load.database === 1 ? "shim, sink" : "shim");
}
