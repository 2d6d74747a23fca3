// The program behind `npm run fuzz`: random and broken streams to shims and to plain servers, until their answers differ,
// a shim dies, or there have been enough.

import { randomInt } from "node:crypto";
import { Command, InvalidArgumentError } from "commander";
import { type Batch, Pair } from "./pair";

interface Options {
  readonly streams: number;
  readonly seed: number;
  readonly pairs: number;
}

const BATCH = 2_500;
/** Database 1 costs more, since every write is replayed. */
const DATABASE_0_SHARE = 0.95;

const commandLine = new Command("npm run fuzz --")
  .description("Sends random and broken streams to shims and to plain servers, and compares their answers.")
  .option("--streams <number>", "streams to send", positive, 1_000_000)
  .option(
    "--seed <number>",
    "repeats a run that printed this seed, with as many pairs",
    wholeNumber,
    randomInt(2 ** 31),
  )
  .option("--pairs <number>", "shims with a plain server each that work side by side", positive, 4)
  .action(fuzz);

async function fuzz({ streams: total, seed, pairs: count }: Options): Promise<void> {
  const startedAt = performance.now();
  const batches = batchesOf(total, seed, count);
  const pairs: Pair[] = [];
  let alike = 0;
  try {
    console.error(`${total} streams, --seed ${seed} --pairs ${count}`);
    for (let number = 0; number < count; number++) pairs.push(await Pair.start());
    let failed = false;
    const work = async (pair: Pair, first: number): Promise<void> => {
      for (let number = first; number < batches.length && !failed; number += count) {
        const batch = batches[number];
        if (batch) await pair.run(batch);
        alike += batch?.streams ?? 0;
        if (!failed) console.error(`${alike} alike, the shims have grown by ${growth(pairs)} MB at most`);
      }
    };
    await Promise.all(
      pairs.map((pair, first) =>
        work(pair, first).catch((error: unknown) => {
          failed = true;
          throw error;
        }),
      ),
    );
    const minutes = (performance.now() - startedAt) / 60_000;
    console.error(
      `all ${total} alike after ${minutes.toFixed(1)} minutes; no shim has grown by more than ${growth(pairs)} MB`,
    );
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}

/** Each of so many pairs takes every so-manieth of them, so that a run can be repeated. */
function batchesOf(total: number, seed: number, pairs: number): Batch[] {
  return Array.from({ length: Math.ceil(total / BATCH) }, (_, number) => {
    // Database 1 comes last, since its replays would change what database 0 holds.
    const database = number * BATCH < total * DATABASE_0_SHARE ? 0 : 1;
    // Each pair has both protocols in turn, and of database 1 both ports.
    const turn = Math.floor(number / pairs) % 4;
    return {
      seed: seed + number,
      streams: Math.min(BATCH, total - number * BATCH),
      protocol: turn % 2 === 0 ? 2 : 3,
      database,
      typed: database === 1 && turn > 1,
    };
  });
}

function growth(pairs: readonly Pair[]): string {
  return Math.max(...pairs.map(({ growthMb }) => growthMb)).toFixed(0);
}

function positive(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number of 1 or more.");
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

commandLine.parseAsync().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
