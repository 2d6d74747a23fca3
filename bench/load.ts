// The load: redis-benchmark, the same for every peer.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findTool } from "@redis-on-fly/local/dist/serverBinary";

const run = promisify(execFile);

type SingleCommand = "GET" | "SET";

/** What is asked of a peer. */
export interface Load {
  /** Mixed: four clients of five send GET, the fifth SET, at the same time. */
  readonly command: SingleCommand | "mixed";
  readonly valueBytes: number;
  /** Requests that a client sends before it waits for their replies. */
  readonly pipeline: number;
  readonly clients: number;
  readonly database: 0 | 1;
  readonly requests: number;
}

/** How a peer bore it; latencies are a client's, for all requests of a pipeline together, in milliseconds. */
export interface LoadFigures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

const GET_FRACTION = 0.8;

/**
 * Puts a load on the server or proxy at a URL.
 *
 * @throws Error where redis-benchmark is not installed, or does not finish
 */
export async function putLoad(url: string, load: Load): Promise<LoadFigures> {
  const { command } = load;
  return command === "mixed" ? putMixedLoad(url, load) : runBenchmark(url, load, command);
}

/** redis-benchmark sends one command only, so two of them run at once; of two latencies the longer one is reported. */
async function putMixedLoad(url: string, load: Load): Promise<LoadFigures> {
  const part = (fraction: number): Load => ({
    ...load,
    clients: Math.ceil(load.clients * fraction),
    requests: Math.ceil(load.requests * fraction),
  });
  const gets = part(GET_FRACTION);
  const sets = part(1 - GET_FRACTION);
  const [get, set] = await Promise.all([runBenchmark(url, gets, "GET"), runBenchmark(url, sets, "SET")]);
  const seconds = Math.max(gets.requests / get.requestsPerSecond, sets.requests / set.requestsPerSecond);
  return {
    requestsPerSecond: (gets.requests + sets.requests) / seconds,
    p50Ms: Math.max(get.p50Ms, set.p50Ms),
    p99Ms: Math.max(get.p99Ms, set.p99Ms),
    p999Ms: Math.max(get.p999Ms, set.p999Ms),
  };
}

async function runBenchmark(url: string, load: Load, command: SingleCommand): Promise<LoadFigures> {
  const tool = findTool("redis-benchmark");
  if (!tool)
    throw new Error("There is no redis-benchmark here: install it (apt install redis-tools, brew install redis).");
  const { protocol, hostname, port, username, password } = new URL(url);
  const options = {
    "-h": hostname,
    "-p": port,
    ...(username && { "--user": username }),
    "-a": password,
    "-t": command.toLowerCase(),
    "-d": load.valueBytes,
    "-P": load.pipeline,
    "-c": load.clients,
    "-n": load.requests,
    "--dbnum": load.database,
  };
  // The certificate is a throw-away one of our own.
  const flags = protocol === "rediss:" ? ["--tls", "--insecure"] : [];
  const { stdout, stderr } = await run(tool, [...Object.entries(options).flat().map(String), ...flags]);
  return parseFigures(stdout) ?? fail(`redis-benchmark gave no figures: ${(stderr || stdout).trim()}`);
}

/**
 * Its CSV stops at p99, its text does not:
 *
 *     99.902% <= 7.191 milliseconds (cumulative count 49952)
 *     …
 *       throughput summary: 54644.81 requests per second
 */
export function parseFigures(text: string): LoadFigures | undefined {
  const [distribution = ""] = text.split("Cumulative distribution of latencies");
  const rows = [...distribution.matchAll(/^([\d.]+)% <= ([\d.]+) milliseconds/gm)].map(([, percent, ms]) => ({
    percent: Number(percent),
    ms: Number(ms),
  }));
  // Rows lie closer the nearer they are to 100 %; the first one at or above a percentile errs on the side of too long.
  const percentile = (wanted: number): number => rows.find(({ percent }) => percent >= wanted)?.ms ?? Number.NaN;
  const figures = {
    requestsPerSecond: Number(/throughput summary: ([\d.]+)/.exec(text)?.[1]),
    p50Ms: percentile(50),
    p99Ms: percentile(99),
    p999Ms: percentile(99.9),
  };
  return Object.values(figures).every(Number.isFinite) ? figures : undefined;
}

function fail(message: string): never {
  throw new Error(message);
}
