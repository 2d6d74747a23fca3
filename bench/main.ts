// The program behind `npm run bench`: measures the shim against its peers and prints the figures on stdout, how it gets on
// on stderr.
import { Command, InvalidArgumentError } from "commander";
import type { Load } from "./load";
import { measure } from "./measurement";
import { Peers } from "./peers";
import { conditionsOf, renderConditions, renderTable } from "./report";

interface Options {
  readonly rounds: number;
  readonly requests: number;
  readonly clients: number;
  readonly pipelines: readonly number[];
  readonly json?: true;
}

const commandLine = new Command("npm run bench --")
  .description("Measures the shim against Redis without a proxy and against nutcracker, in the same run.")
  .option("--rounds <number>", "times that everything is measured", wholeNumber, 5)
  .option(
    "--requests <number>",
    "requests of an un-pipelined measurement; pipelined ones take more",
    wholeNumber,
    200_000,
  )
  .option("--clients <number>", "connections", wholeNumber, 50)
  .option("--pipelines <numbers>", "requests in flight per connection, comma-separated", wholeNumbers, [1, 16])
  .option("--json", "print JSON instead of a table")
  .action(bench);

async function bench({ rounds, requests, clients, pipelines, json }: Options): Promise<void> {
  const loads = pipelines.flatMap((pipeline) =>
    // SET comes first, so that GET finds a value.
    (["SET", "GET"] as const).map(
      (command): Load => ({
        command,
        pipeline,
        clients,
        // More where they are cheaper: processor time comes in steps of some 10 ms.
        requests: Math.ceil(requests * Math.sqrt(pipeline)),
      }),
    ),
  );
  const peers = await Peers.start();
  try {
    if (peers.nutcrackerVersion === undefined)
      say("nutcracker is not installed: left out (Debian: apt install nutcracker)");
    const results = await measure({ loads, peers: peers.all, redisPid: peers.redisPid, rounds, progress: say });
    const conditions = await conditionsOf({ clients, requests, rounds, nutcrackerVersion: peers.nutcrackerVersion });
    process.stdout.write(
      json
        ? `${JSON.stringify({ conditions, results }, undefined, 2)}\n`
        : `${renderTable(results)}\n\n${renderConditions(conditions)}\n`,
    );
  } finally {
    await peers.stop();
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1 to 999999999.");
  return Number(text);
}

function wholeNumbers(text: string): number[] {
  return text.split(",").map(wholeNumber);
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
