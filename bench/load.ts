// The load: redis-benchmark, the same for every peer.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findTool } from "@redis-on-fly/local/dist/serverBinary";

const run = promisify(execFile);

/** What is asked of a peer. */
export interface Load {
  readonly command: "GET" | "SET";
  /** Requests that a client sends before it waits for their replies. */
  readonly pipeline: number;
  readonly clients: number;
  readonly requests: number;
}

/** How a peer bore it; latencies are a client's, in milliseconds. */
export interface LoadFigures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Size of the values. */
export const VALUE_BYTES = 64;

/**
 * Puts a load on the server or proxy at a URL.
 *
 * @throws Error where redis-benchmark is not installed, or does not finish
 */
export async function putLoad(url: string, { command, pipeline, clients, requests }: Load): Promise<LoadFigures> {
  const tool = findTool("redis-benchmark");
  if (!tool)
    throw new Error("There is no redis-benchmark here: install it (apt install redis-tools, brew install redis).");
  const { hostname, port, username, password } = new URL(url);
  const options = {
    "-h": hostname,
    "-p": port,
    ...(username && { "--user": username }),
    "-a": password,
    "-t": command.toLowerCase(),
    "-d": VALUE_BYTES,
    "-P": pipeline,
    "-c": clients,
    "-n": requests,
  };
  const { stdout, stderr } = await run(tool, [...Object.entries(options).flat().map(String), "--csv"]);
  return parseFigures(stdout) ?? fail(`redis-benchmark gave no figures: ${(stderr || stdout).trim()}`);
}

/** The columns of its CSV are named in the first line; what is no figure, such as a warning, comes before or after. */
function parseFigures(csv: string): LoadFigures | undefined {
  const rows = csv.split("\n").filter((line) => line.startsWith('"'));
  const [names, values] = rows.map((line) => line.split(",").map((cell) => cell.replaceAll('"', "")));
  const figure = (name: string): number => Number(values?.[names?.indexOf(name) ?? -1]);
  const figures = {
    requestsPerSecond: figure("rps"),
    p50Ms: figure("p50_latency_ms"),
    p99Ms: figure("p99_latency_ms"),
  };
  return Object.values(figures).every(Number.isFinite) ? figures : undefined;
}

function fail(message: string): never {
  throw new Error(message);
}
