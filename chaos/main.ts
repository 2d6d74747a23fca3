// The program behind `npm run chaos`: runs random schedules, compares, and shrinks the first one that fails; or runs them
// with mistakes in the replay, to show that each would be found.
import { findServer, serverVersion } from "@redis-on-fly/local/dist/serverBinary";
import { Command, InvalidArgumentError, Option } from "commander";
import { fails, mistakes, runCampaign, type Tally } from "./campaign";
import { ChaosFabric } from "./fabric";
import { type Fault, faults, lossUnder, type Rule, rules } from "./faults";
import type { Result } from "./judgement";
import { type Schedule, shrink } from "./schedule";

interface Options {
  readonly seed: number;
  readonly schedules: number;
  readonly commands: number;
  readonly journal: boolean;
  readonly rule: Rule;
  readonly fault?: Fault;
  readonly shrink: boolean;
  readonly checkChecker?: true;
}

const commandLine = new Command("npm run chaos --")
  .description("Runs random schedules on three regions whose bus, servers, shims and clocks misbehave, and compares.")
  .option("--seed <number>", "seed of the first schedule; the next ones follow", wholeNumber, 1)
  .option("--schedules <number>", "how many", wholeNumber, 1000)
  .option("--commands <number>", "steps of a schedule", wholeNumber, 80)
  .option("--no-journal", "read-modify-write in the order of arrival")
  .addOption(new Option("--rule <name>", "rule of the replay").choices(Object.keys(rules)).default("journal"))
  .addOption(new Option("--fault <name>", "a mistake to be found").choices(Object.keys(faults)))
  .option("--check-checker", "run the schedules under every other rule and with every mistake: each must be found")
  .option("--no-shrink", "do not look for the smallest schedule that fails")
  .action(async (options: Options) => {
    const fabric = await ChaosFabric.start();
    try {
      await (options.checkChecker ? checkChecker(fabric, options) : run(fabric, options));
    } finally {
      await fabric.stop();
    }
  });

async function run(fabric: ChaosFabric, options: Options): Promise<void> {
  const { seed, schedules, commands: steps, fault } = options;
  const under = fault ?? (options.journal ? options.rule : "no-journal");
  let first = true;
  const startedAt = performance.now();
  const tally = await runCampaign(fabric, { under, seed, schedules, steps }, async (failing, result) => {
    if (!first) return say(`seed ${failing.seed} fails as well`);
    first = false;
    say(`seed ${failing.seed}: ${describe(result)}`);
    if (options.shrink) await report(fabric, failing, lossUnder(under));
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  print(
    `${schedules} schedules from seed ${seed} on ${serverName()}, ${seconds} s: ${tally.diverged} diverged, ${tally.missing} accepted commands ` +
      `missing; ${tally.accepted} commands accepted, ${tally.large} of them in chunks, ${tally.lost} lost with shims that were ` +
      `killed; ${tally.dropped} generations of records dropped; ` +
      `${tally.compared} keys compared, ${tally.expiring} of them with an expiry, ${tally.absent} absent where a region may hold nothing`,
  );
  if (tally.diverged > 0) process.exitCode = 1;
}

async function checkChecker(fabric: ChaosFabric, { seed, schedules, commands: steps }: Options): Promise<void> {
  print(
    `${schedules} schedules from seed ${seed} on ${serverName()}\n\n| rule or mistake | diverged | lost increments | increments lost |`,
  );
  print("| --- | --: | --: | --: |");
  for (const under of ["journal", ...mistakes] as const) {
    const tally: Tally = await runCampaign(fabric, { under, seed, schedules, steps });
    print(`| ${under} | ${tally.diverged} | ${tally.lostCounts} | ${tally.lostIncrements} |`);
    if (tally.diverged > 0 === (under === "journal")) process.exitCode = 1;
  }
}

async function report(fabric: ChaosFabric, failing: Schedule, lose: number): Promise<void> {
  say("shrinking …");
  const smallest = await shrink(failing, async (smaller) => fails(await fabric.run(smaller, lose)));
  const { seed, skewsMs, steps } = smallest;
  say(`seed ${seed} fails with ${steps.length} steps, clocks ahead by ${skewsMs.join(", ")} ms:`);
  for (const step of steps) say(`  ${JSON.stringify(step)}`);
  say(describe(await fabric.run(smallest, lose)));
}

function describe({ divergences, missing }: Result): string {
  const lines = divergences.map(
    ({ region, key, holds, should }) => `${region} ${brief(key)}: ${brief(holds)}, should be ${brief(should)}`,
  );
  return [...lines, ...(missing > 0 ? [`${missing} accepted commands missing`] : [])].join("\n  ") || "it passes now";
}

/** The one that regions and model run. */
function serverName(): string {
  const server = findServer();
  return server ? serverVersion(server) : "no server";
}

/** Without the inner parts of long words. */
function brief(content: string | undefined): string {
  return String(content).replaceAll(/[^\s",]{80,}/g, (word) => `${word.slice(0, 30)}…(${word.length})`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0 to 999999999.");
  return Number(text);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

commandLine.parseAsync().catch((error: Error) => {
  say(error.stack ?? error.message);
  process.exitCode = 1;
});
