// Measures every load with every peer, round after round, in an order that changes, so that what else the machine does
// hits all alike. Ratios are taken within a round; what is reported are medians over the rounds.
import type { Case } from "./cases";
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

/** One load on one peer. */
export interface Result {
  readonly load: Load;
  readonly peer: PeerName;
  readonly figures: Figures;
  /** By the other peers that bore the same load, and by itself. */
  readonly ratios: Readonly<Partial<Record<PeerName, Ratios>>>;
}

/** Figures as multiples of another peer's. */
export interface Ratios {
  /** Of `micros`. */
  readonly cost: number;
  /** Of `requestsPerSecond`. */
  readonly rate: number;
}

/** What to measure. */
export interface Plan {
  readonly cases: readonly Case[];
  /** Those that are here; a case goes without the others. */
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
export async function measure({ cases, peers, redisPid, rounds, progress }: Plan): Promise<Result[]> {
  const groups = cases.map(({ load, peers: names }) =>
    peers.filter(({ name }) => names.includes(name)).map((peer): Series => ({ load, peer, rounds: [] })),
  );
  const loads = `${groups.length} ${groups.length === 1 ? "load" : "loads"}`;
  progress(`${loads}, ${groups.flat().length * rounds} measurements; warming up …`);
  for (const { load, peer } of groups.flat())
    await putLoad(peer.url, { ...load, requests: Math.ceil(load.requests * WARM_UP_FRACTION) });
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

/** As people call a load, without what is usual. */
export function nameOf({ command, valueBytes, clients, pipeline, database }: Load): string {
  return [
    command === "mixed" ? "GET and SET, 80:20" : command,
    ...(valueBytes === 64 ? [] : [sizeName(valueBytes)]),
    ...(clients === 50 ? [] : [`${clients} clients`]),
    ...(pipeline === 1 ? [] : [`pipeline ${pipeline}`]),
    ...(database === 0 ? [] : ["database 1"]),
  ].join(", ");
}

function sizeName(bytes: number): string {
  return bytes < 1024 ** 2 ? `${bytes / 1024} KB` : `${bytes / 1024 ** 2} MB`;
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
  await peer.settle?.();
  const after = read();
  const proxyMicros = (after.proxy - before.proxy) / load.requests;
  const redisMicros = (after.redis - before.redis) / load.requests;
  return { ...figures, proxyMicros, redisMicros, micros: proxyMicros + redisMicros };
}

function summarise({ load, peer, rounds }: Series, group: readonly Series[]): Result {
  const of = (figure: keyof Figures): number => median(rounds.map((figures) => figures[figure]));
  const ratio = (other: Series, figure: keyof Figures): number =>
    median(rounds.map((figures, round) => figures[figure] / (other.rounds[round]?.[figure] ?? Number.NaN)));
  const ratios = group.map((other): [PeerName, Ratios] => [
    other.peer.name,
    { cost: ratio(other, "micros"), rate: ratio(other, "requestsPerSecond") },
  ]);
  return {
    load,
    peer: peer.name,
    figures: {
      requestsPerSecond: of("requestsPerSecond"),
      p50Ms: of("p50Ms"),
      p99Ms: of("p99Ms"),
      p999Ms: of("p999Ms"),
      proxyMicros: of("proxyMicros"),
      redisMicros: of("redisMicros"),
      micros: of("micros"),
    },
    ratios: Object.fromEntries(ratios),
  };
}

/** The value that this share of all is not above, by nearest rank; NaN where there is none. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}

/** Of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
