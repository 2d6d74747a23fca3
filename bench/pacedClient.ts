// A small client whose requests go out one a millisecond or so, whether or not earlier ones were answered: so what is slow
// is asked as often as what is fast, and a client that has slept has to be woken, in quiet as well.
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { authentication } from "./credentials";
import { median, quantile } from "./measurement";

/** From a request's sending to its answer, in milliseconds. */
export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly requests: number;
}

const EVERY_MS = 1;
const ANSWER_TIMEOUT_MS = 10_000;
const MINUS = 45;
const NEW_LINE = 10;
const increment = encodeRequest(["INCR", "small"]);

/** @throws Error where a request gets no answer or an error */
export async function askPaced(url: string, durationMs: number): Promise<Latencies> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  try {
    socket.write(encodeRequest(authentication(url)));
    await once(socket, "data", { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const sentMs: number[] = [];
    const tookMs: number[] = [];
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("data", (bytes) => {
      const now = performance.now();
      if (bytes[0] === MINUS) failure = new Error(`INCR was answered with ${bytes}`);
      for (const byte of bytes) if (byte === NEW_LINE) tookMs.push(now - (sentMs[tookMs.length] ?? Number.NaN));
    });
    const timer = setInterval(() => {
      sentMs.push(performance.now());
      socket.write(increment);
    }, EVERY_MS);
    await setTimeout(durationMs);
    clearInterval(timer);
    const lastMs = performance.now() + ANSWER_TIMEOUT_MS;
    while (!failure && tookMs.length < sentMs.length) {
      if (performance.now() > lastMs) throw new Error(`INCR was not answered within ${ANSWER_TIMEOUT_MS} ms.`);
      await setTimeout(EVERY_MS);
    }
    if (failure) throw failure;
    return summarise(tookMs);
  } finally {
    socket.destroy();
  }
}

function summarise(tookMs: readonly number[]): Latencies {
  const at = (share: number): number => quantile(tookMs, share);
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), requests: tookMs.length };
}

/** Medians of several, but the longest of all. */
export function medianLatencies(all: readonly Latencies[]): Latencies {
  const of = (figure: keyof Latencies): number => median(all.map((each) => each[figure]));
  return {
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    maxMs: Math.max(...all.map(({ maxMs }) => maxMs)),
    requests: of("requests"),
  };
}
