// The program behind `npm run chaos`: runs random schedules, compares, and shrinks the first one that fails.
import { Command, InvalidArgumentError, Option } from "commander";
import { ChaosFabric, type Result } from "./fabric";
import { type Fault, faults, type Rule, rules, sabotage } from "./faults";
import { type Schedule, schedule, shrink } from "./schedule";

interface Options {
  readonly seed: number;
  readonly schedules: number;
  readonly commands: number;
  readonly journal: boolean;
  readonly rule: Rule;
  readonly fault?: Fault | "loses-envelopes";
  readonly shrink: boolean;
}

const commandLine = new Command("npm run chaos --")
  .description("Runs random schedules on three regions whose bus, servers, shims and clocks misbehave, and compares.")
  .option("--seed <number>", "seed of the first schedule; the next ones follow", wholeNumber, 1)
  .option("--schedules <number>", "how many", wholeNumber, 1000)
  .option("--commands <number>", "steps of a schedule", wholeNumber, 80)
  .option("--no-journal", "read-modify-write in the order of arrival")
  .addOption(new Option("--rule <name>", "rule of the replay").choices(Object.keys(rules)).default("journal"))
  .addOption(new Option("--fault <name>", "a mistake to be found").choices([...Object.keys(faults), "loses-envelopes"]))
  .option("--no-shrink", "do not look for the smallest schedule that fails")
  .action(run);

async function run(options: Options): Promise<void> {
  const { seed, schedules, commands, fault } = options;
  const rule = options.journal ? options.rule : "no-journal";
  const changes = fault && fault !== "loses-envelopes" ? faults[fault] : rules[rule];
  sabotage(changes);
  const lose = fault === "loses-envelopes" ? 0.02 : 0;
  const fabric = await ChaosFabric.start();
  const sums = { diverged: 0, missing: 0, accepted: 0, lost: 0, compared: 0, absent: 0 };
  let failing: Schedule | undefined;
  const startedAt = performance.now();
  try {
    for (let index = 0; index < schedules; index += 1) {
      const next = schedule(seed + index, commands);
      const result = await fabric.run(next, lose);
      if (fails(result)) {
        sums.diverged += 1;
        if (failing === undefined) say(`seed ${next.seed}: ${describe(result)}`);
        failing ??= next;
      }
      for (const name of ["missing", "accepted", "lost", "compared", "absent"] as const) sums[name] += result[name];
    }
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    process.stdout.write(
      `${schedules} schedules from seed ${seed}, ${seconds} s: ${sums.diverged} diverged, ${sums.missing} accepted commands ` +
        `missing; ${sums.accepted} commands accepted, ${sums.lost} of them lost with shims that were killed; ` +
        `${sums.compared} keys compared, ${sums.absent} absent where a region may hold nothing\n`,
    );
    if (failing && options.shrink) await report(fabric, failing, lose);
  } finally {
    await fabric.stop();
  }
  if (failing) process.exitCode = 1;
}

async function report(fabric: ChaosFabric, failing: Schedule, lose: number): Promise<void> {
  say("shrinking …");
  const smallest = await shrink(failing, async (smaller) => fails(await fabric.run(smaller, lose)));
  const { seed, skewsMs, steps } = smallest;
  say(`seed ${seed} fails with ${steps.length} steps, clocks ahead by ${skewsMs.join(", ")} ms:`);
  for (const step of steps) say(`  ${JSON.stringify(step)}`);
  say(describe(await fabric.run(smallest, lose)));
}

function fails({ divergences, missing }: Result): boolean {
  return divergences.length > 0 || missing > 0;
}

function describe({ divergences, missing }: Result): string {
  const lines = divergences.map(({ region, key, holds, should }) => `${region} ${key}: ${holds}, should be ${should}`);
  return [...lines, ...(missing > 0 ? [`${missing} accepted commands missing`] : [])].join("\n  ") || "it passes now";
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0 to 999999999.");
  return Number(text);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

commandLine.parseAsync().catch((error: Error) => {
  say(error.stack ?? error.message);
  process.exitCode = 1;
});
