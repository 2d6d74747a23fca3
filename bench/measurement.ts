// Measures every load with every peer, round after round, in an order that changes, so that what else the machine does
// hits all alike. Ratios are taken within a round; what is reported are medians over the rounds.
import { type Load, type LoadFigures, putLoad } from "./load";
import type { Peer, PeerName } from "./peers";
import { processorMicroseconds } from "./processorTime";

/** What a load cost; processor time in microseconds per request, NaN where the system does not tell. */
export interface Figures extends LoadFigures {
  readonly proxyMicros: number;
  readonly redisMicros: number;
  /** Proxy and Redis together. */
  readonly micros: number;
}

/** Peers that the cost of all is divided by. */
export const baselines = ["nutcracker", "direct"] as const satisfies readonly PeerName[];

/** One load on one peer. */
export interface Result {
  readonly load: Load;
  readonly peer: PeerName;
  readonly figures: Figures;
  /** `micros` as a multiple of a baseline's; without those that were not measured. */
  readonly ratios: Readonly<Partial<Record<(typeof baselines)[number], number>>>;
}

/** What to measure. */
export interface Plan {
  readonly loads: readonly Load[];
  readonly peers: readonly Peer[];
  /** Process of the Redis behind all peers. */
  readonly redisPid: number;
  readonly rounds: number;
  /** Told what was done, line by line. */
  readonly progress: (line: string) => void;
}

/** One load on one peer, round by round. */
interface Series {
  readonly load: Load;
  readonly peer: Peer;
  readonly rounds: Figures[];
}

const WARM_UP_FRACTION = 0.25;

/** Also warms up, without counting. */
export async function measure({ loads, peers, redisPid, rounds, progress }: Plan): Promise<Result[]> {
  progress("warming up …");
  for (const load of loads) {
    const requests = Math.ceil(load.requests * WARM_UP_FRACTION);
    for (const peer of peers) await putLoad(peer.url, { ...load, requests });
  }
  const groups = loads.map((load) => peers.map((peer): Series => ({ load, peer, rounds: [] })));
  for (let round = 0; round < rounds; round++) {
    for (const group of groups) {
      const first = round % group.length;
      for (const series of [...group.slice(first), ...group.slice(0, first)]) {
        const figures = await measureOnce(series, redisPid);
        series.rounds.push(figures);
        progress(`round ${round + 1} of ${rounds}: ${nameOf(series.load)}, ${series.peer.name}: ${rateOf(figures)}/s`);
      }
    }
  }
  return groups.flatMap((group) => group.map((series) => summarise(series, group)));
}

/** As people call a load. */
export function nameOf({ command, pipeline }: Load): string {
  return pipeline === 1 ? command : `${command}, pipeline ${pipeline}`;
}

export function rateOf({ requestsPerSecond }: LoadFigures): string {
  return Math.round(requestsPerSecond).toLocaleString("en");
}

async function measureOnce({ load, peer }: Series, redisPid: number): Promise<Figures> {
  const read = () => ({
    proxy: peer.pid === undefined ? 0 : processorMicroseconds(peer.pid),
    redis: processorMicroseconds(redisPid),
  });
  const before = read();
  const figures = await putLoad(peer.url, load);
  const after = read();
  const proxyMicros = (after.proxy - before.proxy) / load.requests;
  const redisMicros = (after.redis - before.redis) / load.requests;
  return { ...figures, proxyMicros, redisMicros, micros: proxyMicros + redisMicros };
}

function summarise({ load, peer, rounds }: Series, group: readonly Series[]): Result {
  const of = (figure: keyof Figures): number => median(rounds.map((figures) => figures[figure]));
  const ratios = baselines.flatMap((name) => {
    const baseline = group.find((series) => series.peer.name === name);
    const quotients = baseline?.rounds.map(({ micros }, round) => (rounds[round]?.micros ?? Number.NaN) / micros);
    return quotients ? [[name, median(quotients)]] : [];
  });
  return {
    load,
    peer: peer.name,
    figures: {
      requestsPerSecond: of("requestsPerSecond"),
      p50Ms: of("p50Ms"),
      p99Ms: of("p99Ms"),
      proxyMicros: of("proxyMicros"),
      redisMicros: of("redisMicros"),
      micros: of("micros"),
    },
    ratios: Object.fromEntries(ratios),
  };
}

/** Of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
