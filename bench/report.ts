// What `npm run bench` prints: one table in Markdown, so that it can be pasted as it is, and the conditions it holds under.
import { once } from "node:events";
import { cpus, release, type } from "node:os";
import { Program } from "@redis-on-fly/local/dist/program";
import { findServer } from "@redis-on-fly/local/dist/serverBinary";
import { VALUE_BYTES } from "./load";
import { baselines, nameOf, type Result, rateOf } from "./measurement";
import { processorTimeIsKnown } from "./processorTime";

/** What figures depend on, name by name. */
export type Conditions = Readonly<Record<string, string>>;

/** The part of the conditions that a run chooses. */
export interface RunConditions {
  readonly clients: number;
  readonly requests: number;
  readonly rounds: number;
  /** Absent where it is not installed. */
  readonly nutcrackerVersion: string | undefined;
}

interface Column {
  readonly title: string;
  readonly cell: (result: Result) => string;
  /** @default "right" */
  readonly align?: "left";
}

const columns: readonly Column[] = [
  { title: "case", cell: ({ load }) => nameOf(load), align: "left" },
  { title: "peer", cell: ({ peer }) => peer, align: "left" },
  { title: "requests/s", cell: ({ figures }) => rateOf(figures) },
  { title: "p50 ms", cell: ({ figures }) => decimal(figures.p50Ms) },
  { title: "p99 ms", cell: ({ figures }) => decimal(figures.p99Ms) },
  { title: "proxy CPU µs", cell: ({ figures }) => decimal(figures.proxyMicros) },
  { title: "Redis CPU µs", cell: ({ figures }) => decimal(figures.redisMicros) },
  { title: "sum µs", cell: ({ figures }) => decimal(figures.micros) },
  ...baselines.map((name): Column => ({ title: `× ${name}`, cell: ({ ratios }) => decimal(ratios[name]) })),
];

export function renderTable(results: readonly Result[]): string {
  const rows = [columns.map(({ title }) => title), ...results.map((result) => columns.map(({ cell }) => cell(result)))];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
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

export async function conditionsOf({
  clients,
  requests,
  rounds,
  nutcrackerVersion,
}: RunConditions): Promise<Conditions> {
  const [processor] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${processor?.model.trim()}, ${cpus().length} cores shared by load, proxy and Redis; ${type()} ${release()}`,
    "Node.js": process.versions.node,
    server: await serverVersion(),
    nutcracker: nutcrackerVersion ?? "left out, it is not installed (Debian: apt install nutcracker)",
    load: `redis-benchmark, ${clients} clients, values of ${VALUE_BYTES} B, one key`,
    requests: `${requests.toLocaleString("en")} × √pipeline a measurement, ${rounds} rounds in changing order, medians`,
    CPU: processorTimeIsKnown
      ? "user and system time per request; ratios are of the sums, proxy and Redis, within a round"
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
