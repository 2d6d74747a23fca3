// The program behind `npm run bench`: measures the shim against its peers and prints the figures on stdout, how it gets on
// on stderr.
import { writeFile } from "node:fs/promises";
import { credentials } from "@redis-on-fly/local/dist/bus";
import { Command, InvalidArgumentError } from "commander";
import { type Judgement, judgeBeside, judgeIdle, judgeLoads, judgeMemory, judgeReplay } from "./aims";
import { measureBeside } from "./beside";
import { casesOf, describeGroups, type GroupName, parseGroups, usualGroups } from "./cases";
import { renderChart } from "./chart";
import { measureIdle } from "./idle";
import { measureLargeCommand } from "./largeCommand";
import { measureLatency } from "./latency";
import { measure } from "./measurement";
import { measureMemory } from "./memory";
import { Peers } from "./peers";
import { measureReplay } from "./replay";
import {
  type Conditions,
  conditionsOf,
  loadConditions,
  renderAims,
  renderBeside,
  renderConditions,
  renderIdle,
  renderLargeCommand,
  renderLatency,
  renderMemory,
  renderReplay,
  renderResults,
} from "./report";

interface Options {
  readonly cases: readonly GroupName[];
  readonly rounds: number;
  readonly requests: number;
  readonly json?: true;
  readonly svg?: string;
  readonly idle?: number;
  readonly memory?: number;
  readonly beside?: number;
  readonly moverRate: number;
  readonly replay?: number;
  readonly latency?: number;
  readonly large?: number;
}

/** Of the client beside large values, each time: some thousands of requests, and several large values. */
const BESIDE_MS = 8_000;
/** Redis's `proto-max-bulk-len`. */
const MAX_VALUE_MEGABYTES = 512;

const commandLine = new Command("npm run bench --")
  .description("Measures the shim against Redis without a proxy, nutcracker and HAProxy, in the same run.")
  .option(
    "--cases <names>",
    "what to measure, comma-separated; all takes half an hour and more",
    groupNames,
    usualGroups,
  )
  .option("--rounds <number>", "times that everything is measured", wholeNumber, 5)
  .option(
    "--requests <number>",
    "requests of an un-pipelined measurement; pipelined ones take more, large values fewer",
    wholeNumber,
    150_000,
  )
  .option("--json", "print JSON instead of tables")
  .option("--svg <file>", "also draw a chart")
  .option("--beside <megabytes>", "measure instead a small client beside others' values of this size", valueMegabytes)
  .option("--mover-rate <megabytes>", "what each of those others moves in a second where it is paced", wholeNumber, 50)
  .option("--idle <clients>", "measure instead what so many idle clients take of a proxy's memory", wholeNumber)
  .option(
    "--memory <megabytes>",
    "measure instead how much a proxy's memory grows by while one value of this size goes in and out",
    valueMegabytes,
  )
  .option(
    "--latency <samples>",
    "measure instead how long a write on database 1 takes to another region; 500 take seven minutes",
    wholeNumber,
  )
  .option(
    "--large <megabytes>",
    "measure instead what a SET of that size on database 1 costs three regions",
    wholeNumber,
  )
  .option("--replay <overwrites>", "measure instead what replaying so many overwrites costs a region", wholeNumber)
  .addHelpText("after", `\nCases:\n${describeGroups()}`)
  .action((options: Options) => {
    const { idle, beside, memory, large, latency, replay } = options;
    if (idle !== undefined) return benchIdle(idle, options);
    if (beside !== undefined) return benchBeside(beside, options);
    if (memory !== undefined) return benchMemory(memory, options);
    if (latency !== undefined) return benchLatency(latency, options);
    if (large !== undefined) return benchLargeCommand(large, options);
    return replay === undefined ? benchLoads(options) : benchReplay(replay, options);
  });

async function benchLoads({ cases: groups, rounds, requests, json, svg }: Options): Promise<void> {
  const cases = casesOf(groups, requests);
  await withPeers(
    cases.flatMap(({ peers }) => peers),
    async (peers) => {
      const results = await measure({ cases, peers: peers.all, redisPid: peers.redisPid, rounds, progress: say });
      const conditions = { ...(await conditionsOf(peers.all)), ...loadConditions(requests, rounds) };
      if (svg) await writeFile(svg, renderChart(results));
      printJudged(renderResults(results), judgeLoads(results), conditions, json && { results });
    },
  );
}

async function benchIdle(clients: number, { json }: Options): Promise<void> {
  // HAProxy is not among them: it would have to hold as many connections again.
  await withPeers(["shim", "nutcracker"], async (peers) => {
    const idle = await measureIdle(peers.all, clients);
    const conditions = await conditionsOf(peers.all);
    printJudged(renderIdle(idle), judgeIdle(idle), conditions, json && { idle });
  });
}

async function benchBeside(megabytes: number, { moverRate, rounds, json }: Options): Promise<void> {
  // nutcracker is not among them: all share its connection to Redis, and wait for whole values.
  await withPeers(["direct", "shim", "HAProxy"], async (peers) => {
    await peers.liftMemoryLimit();
    const beside = await measureBeside({
      peers: peers.all,
      valueBytes: megabytes * 1024 ** 2,
      bytesPerSecond: moverRate * 1024 ** 2,
      durationMs: BESIDE_MS,
      rounds,
      progress: say,
    });
    const conditions = {
      ...(await conditionsOf(peers.all)),
      "small client": `one INCR a millisecond, whether or not others were answered, for ${BESIDE_MS / 1000} s each time; from sending to answer`,
      movers: `values of ${megabytes} MB; unpaced: two of each command`,
      figures: `${rounds} rounds in changing order, medians, and the longest of all`,
    };
    printJudged(renderBeside(beside), judgeBeside(beside), conditions, json && { beside });
  });
}

async function benchMemory(megabytes: number, { rounds, json }: Options): Promise<void> {
  await withPeers(["shim", "nutcracker", "HAProxy"], async (peers) => {
    await peers.liftMemoryLimit();
    const memory = await measureMemory({ peers: peers.all, valueBytes: megabytes * 1024 ** 2, rounds, progress: say });
    const conditions = {
      ...(await conditionsOf(peers.all)),
      memory: `the most that was resident while one value of ${megabytes} MB went through, above what was before or after a warm-up, whichever is less; ${rounds} rounds in changing order, medians`,
    };
    printJudged(renderMemory(memory), judgeMemory(memory), conditions, json && { memory });
  });
}

async function benchReplay(overwrites: number, { json, rounds }: Options): Promise<void> {
  const replay = await measureReplay(overwrites, rounds, say);
  const conditions = {
    ...(await conditionsOf([])),
    overwrites: `${overwrites.toLocaleString("en")} a replay, SETs of 64 random bytes; ${rounds} rounds, medians`,
    "small client": "one INCR a millisecond on database 0, whether or not others were answered; from sending to answer",
    "gets a core first":
      "the client, the clients' thread of the shim and Redis in real time (SCHED_FIFO), all else not",
  };
  printJudged(renderReplay(replay), judgeReplay(replay), conditions, json && { replay });
}

async function benchLatency(samples: number, { json }: Options): Promise<void> {
  process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
  const latency = await measureLatency(samples, say);
  const conditions = { ...(await conditionsOf([])), samples: `${samples} of each kind and state, turn by turn` };
  print(json ? toJson({ conditions, latency }) : `${renderLatency(latency)}\n\n${renderConditions(conditions)}`);
}

async function benchLargeCommand(megabytes: number, { json }: Options): Promise<void> {
  const figures = await measureLargeCommand(megabytes * 1024 * 1024);
  const conditions = await conditionsOf([]);
  print(json ? toJson({ conditions, figures }) : `${renderLargeCommand(figures)}\n\n${renderConditions(conditions)}`);
}

/** @param figures what was measured, where it is to be JSON instead of tables */
function printJudged(
  table: string,
  aims: readonly Judgement[],
  conditions: Conditions,
  figures: object | undefined,
): void {
  const parts = [table, renderAims(aims), renderConditions(conditions)].filter(Boolean);
  print(figures ? toJson({ conditions, ...figures, aims }) : parts.join("\n\n"));
}

async function withPeers(names: Parameters<typeof Peers.start>[0], action: (peers: Peers) => Promise<void>) {
  const peers = await Peers.start(names);
  try {
    for (const reason of peers.leftOut) say(reason);
    await action(peers);
  } finally {
    await peers.stop();
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 999999999.");
  return Number(text);
}

function valueMegabytes(text: string): number {
  const megabytes = wholeNumber(text);
  if (megabytes > MAX_VALUE_MEGABYTES)
    throw new InvalidArgumentError(`It must be ${MAX_VALUE_MEGABYTES} at most: Redis takes no larger value.`);
  return megabytes;
}

function groupNames(text: string): GroupName[] {
  try {
    return parseGroups(text);
  } catch (error) {
    throw error instanceof RangeError ? new InvalidArgumentError(error.message) : error;
  }
}

function toJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

// The SDK would tell everybody on Node.js 20 of its own plans.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
commandLine.parseAsync().catch((error: Error) => {
  say(error.message);
  process.exitCode = 1;
});
