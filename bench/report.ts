// What `npm run bench` prints: one table in Markdown, so that it can be pasted as it is, and the conditions it holds under.
import { once } from "node:events";
import { cpus, loadavg, release, type } from "node:os";
import { Program } from "@redis-on-fly/local/dist/program";
import { findServer } from "@redis-on-fly/local/dist/serverBinary";
import type { Judgement } from "./aims";
import type { BesideFigures } from "./beside";
import type { IdleFigures } from "./idle";
import type { LargeCommandFigures } from "./largeCommand";
import type { LatencyFigures } from "./latency";
import { nameOf, type Result, rateOf } from "./measurement";
import type { MemoryFigures } from "./memory";
import type { Peer } from "./peers";
import { processorTimeIsKnown } from "./processorTime";
import type { ReplayFigures } from "./replay";

/** What figures depend on, name by name. */
export type Conditions = Readonly<Record<string, string>>;

interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** @default "right" */
  readonly align?: "left";
}

const baselines = ["direct", "nutcracker", "HAProxy"] as const;

const resultColumns: readonly Column<Result>[] = [
  { title: "case", cell: ({ load }) => nameOf(load), align: "left" },
  { title: "peer", cell: ({ peer }) => peer, align: "left" },
  { title: "requests/s", cell: ({ figures }) => rateOf(figures) },
  { title: "p50 ms", cell: ({ figures }) => decimal(figures.p50Ms) },
  { title: "p99 ms", cell: ({ figures }) => decimal(figures.p99Ms) },
  { title: "p99.9 ms", cell: ({ figures }) => decimal(figures.p999Ms) },
  { title: "proxy CPU µs", cell: ({ figures }) => decimal(figures.proxyMicros) },
  { title: "Redis CPU µs", cell: ({ figures }) => decimal(figures.redisMicros) },
  { title: "sum µs", cell: ({ figures }) => decimal(figures.micros) },
  ...baselines.map(
    (name): Column<Result> => ({ title: `× ${name}`, cell: ({ ratios }) => decimal(ratios[name]?.cost) }),
  ),
];

/** One row for each load and peer. */
export function renderResults(results: readonly Result[]): string {
  return renderTable(resultColumns, results);
}

/** One row for each aim and what it was measured on; empty where nothing was measured that has an aim. */
export function renderAims(judgements: readonly Judgement[]): string {
  if (judgements.length === 0) return "";
  return renderTable(
    [
      { title: "aim", cell: ({ aim }) => aim, align: "left" },
      { title: "case", cell: ({ subject }) => subject, align: "left" },
      { title: "measured", cell: ({ measured }) => decimal(measured) },
      { title: "", cell: ({ met }) => (met ? "met" : "missed"), align: "left" },
    ],
    judgements,
  );
}

/** One row for each region. */
export function renderLargeCommand(figures: readonly LargeCommandFigures[]): string {
  return renderTable(
    [
      { title: "region", cell: ({ region }) => region, align: "left" },
      { title: "arrived after ms", cell: ({ arrivedMs }) => String(Math.round(arrivedMs)) },
      { title: "shim's growth MB", cell: ({ shimGrowthBytes }) => decimal(shimGrowthBytes / 1024 / 1024) },
      { title: "quiet p99 ms", cell: ({ quietP99Ms }) => decimal(quietP99Ms) },
      { title: "p99 ms", cell: ({ busyP99Ms }) => decimal(busyP99Ms) },
      { title: "in the worst second", cell: ({ busyWorstP99Ms }) => decimal(busyWorstP99Ms) },
      { title: "max ms", cell: ({ busyMaxMs }) => decimal(busyMaxMs) },
    ],
    figures,
  );
}

/** One row for each peer. */
export function renderIdle(idle: readonly IdleFigures[]): string {
  return renderTable(
    [
      { title: "peer", cell: ({ peer }) => peer, align: "left" },
      { title: "idle clients", cell: ({ clients }) => clients.toLocaleString("en") },
      { title: "KB a client", cell: ({ bytesPerClient }) => decimal(bytesPerClient / 1024) },
    ],
    idle,
  );
}

/** One row for each peer and command. */
export function renderMemory(memory: readonly MemoryFigures[]): string {
  return renderTable(
    [
      { title: "peer", cell: ({ peer }) => peer, align: "left" },
      { title: "command", cell: ({ command }) => command, align: "left" },
      { title: "growth MB", cell: ({ medianBytes }) => decimal(medianBytes / 1024 ** 2) },
      { title: "at most MB", cell: ({ maxBytes }) => decimal(maxBytes / 1024 ** 2) },
    ],
    memory,
  );
}

/** One row for each peer and kind of movers. */
export function renderBeside(beside: readonly BesideFigures[]): string {
  return renderTable(
    [
      { title: "movers of large values", cell: ({ movers }) => movers, align: "left" },
      { title: "peer", cell: ({ peer }) => peer, align: "left" },
      { title: "MB/s", cell: ({ movedBytesPerSecond }) => (movedBytesPerSecond / 1024 ** 2).toFixed(0) },
      { title: "alone: p50 ms", cell: ({ quiet }) => decimal(quiet.p50Ms) },
      { title: "p99 ms", cell: ({ quiet }) => decimal(quiet.p99Ms) },
      { title: "max ms", cell: ({ quiet }) => decimal(quiet.maxMs) },
      { title: "beside: p50 ms", cell: ({ beside }) => decimal(beside.p50Ms) },
      { title: "p99 ms", cell: ({ beside }) => decimal(beside.p99Ms) },
      { title: "max ms", cell: ({ beside }) => decimal(beside.maxMs) },
      { title: "× p99", cell: ({ growth }) => decimal(growth) },
    ],
    beside,
  );
}

/** Processor time an overwrite, then database 0's latencies without and with the replay. */
export function renderReplay(replay: ReplayFigures): string {
  const costs = renderTable(
    [
      { title: "raw SET, Redis µs", cell: ({ rawMicros }) => decimal(rawMicros) },
      { title: "replay, Redis µs", cell: ({ redisMicros }) => decimal(redisMicros) },
      { title: "shim µs", cell: ({ shimMicros }) => decimal(shimMicros) },
      { title: "replayed/s", cell: wholeRate },
    ],
    [replay],
  );
  const beside = renderTable(
    [
      { title: "database 0 gets a core", cell: ({ turn }) => turn, align: "left" },
      { title: "quiet: p50 ms", cell: ({ quiet }) => decimal(quiet.p50Ms) },
      { title: "p99 ms", cell: ({ quiet }) => decimal(quiet.p99Ms) },
      { title: "replaying: p50 ms", cell: ({ replaying }) => decimal(replaying.p50Ms) },
      { title: "p99 ms", cell: ({ replaying }) => decimal(replaying.p99Ms) },
      { title: "× p99", cell: ({ growth }) => decimal(growth) },
      { title: "waiting for a core", cell: ({ waitShare }) => `${Math.round(waitShare * 100)} %` },
      { title: "replayed/s", cell: wholeRate },
    ],
    replay.besideReplay,
  );
  return `${costs}\n\n${beside}`;
}

/** One row for each state. */
export function renderLatency(latency: readonly LatencyFigures[]): string {
  const above = ({ applied, bus }: LatencyFigures) => applied.p99Ms - bus.p99Ms;
  return renderTable(
    [
      { title: "state", cell: ({ state }) => state, align: "left" },
      { title: "bus p50 ms", cell: ({ bus }) => decimal(bus.p50Ms) },
      { title: "p99 ms", cell: ({ bus }) => decimal(bus.p99Ms) },
      { title: "applied p50 ms", cell: ({ applied }) => decimal(applied.p50Ms) },
      { title: "p99 ms", cell: ({ applied }) => decimal(applied.p99Ms) },
      { title: "above the bus's p99", cell: (row) => decimal(above(row)) },
      { title: "aim", cell: (row) => `≤ ${row.aimMs}: ${above(row) <= row.aimMs ? "met" : "missed"}`, align: "left" },
      { title: "envelopes/s", cell: ({ envelopesPerSecond }) => decimal(envelopesPerSecond) },
      { title: "requests an envelope", cell: ({ requestsPerEnvelope }) => decimal(requestsPerEnvelope) },
    ],
    latency,
  );
}

/** In Markdown. */
function renderTable<Row>(columns: readonly Column<Row>[], content: readonly Row[]): string {
  const rows = [columns.map(({ title }) => title), ...content.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, at) => Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const [head, ...body] = rows.map((row) =>
    line(
      row.map((cell, at) =>
        columns[at]?.align === "left" ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
      ),
    ),
  );
  const rule = line(
    columns.map(({ align }, at) =>
      align === "left" ? "-".repeat(widths[at] ?? 0) : `${"-".repeat((widths[at] ?? 1) - 1)}:`,
    ),
  );
  return [head, rule, ...body].join("\n");
}

export function renderConditions(conditions: Conditions): string {
  return Object.entries(conditions)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join("\n");
}

/** What holds for whatever is measured. */
export async function conditionsOf(peers: readonly Peer[]): Promise<Conditions> {
  const [processor] = cpus();
  const versions = new Set(peers.flatMap(({ version }) => (version ? [version] : [])));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processor?.model.trim()}, ${cpus().length} cores shared by load, proxy and Redis; ${type()} ${release()}`,
    "other work": `${loadavg()[0]?.toFixed(1)} processes ready to run in the last minute, those of the run included`,
    "Node.js": process.versions.node,
    server: await serverVersion(),
    proxies: [...versions].join(", ") || "none",
  };
}

/** What holds for loads. */
export function loadConditions(requests: number, rounds: number): Conditions {
  return {
    load: "redis-benchmark; 50 clients, values of 64 B, one key, database 0 unless said otherwise",
    requests: `${requests.toLocaleString("en")} × √pipeline a measurement, fewer of large values; ${rounds} rounds in changing order, medians`,
    CPU: processorTimeIsKnown
      ? "user and system time per request; × is the ratio of the sums, proxy and Redis, within a round"
      : "left out, this system does not tell it finely enough (Linux does)",
  };
}

async function serverVersion(): Promise<string> {
  const server = findServer();
  if (!server) return "unknown";
  const program = await Program.start({ ...server, args: ["--version"], environment: {} });
  const [line] = await once(program, "line");
  return /^(\w+) server v=(\S+)/.exec(line)?.slice(1).join(" ") ?? line;
}

function decimal(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(2);
}

function wholeRate({ replayedPerSecond }: { readonly replayedPerSecond: number }): string {
  return Math.round(replayedPerSecond).toLocaleString("en");
}
