// What happens in one run, step by step: a seed repeats it, and a failing one is made as short as it can be.
import { type CommandNames, manyPurges, randomCommand } from "./commands";
import { counter, largeKeys, smallKeys } from "./keys";
import { LargeCommands } from "./largeCommands";
import { Random } from "./random";

/** Regions of every schedule. */
export const regions = ["us-east-1", "eu-west-1", "ap-northeast-1"] as const;

/** Shims of a region. */
export const SHIMS = 2;

/** On so many keys are all commands of most schedules, and the more have something to change. */
const FEW_SMALL = 3;
const FEW_LARGE = 2;

/** One thing that happens. */
export type Step =
  | { readonly kind: "write"; readonly region: number; readonly shim: number; readonly line: string }
  /** As it arrives: a piece before each of the next steps. A client that leaves sends half of it. */
  | {
      readonly kind: "upload";
      readonly region: number;
      readonly shim: number;
      readonly line: string;
      readonly pieces: number;
      readonly leaves: boolean;
    }
  | { readonly kind: "regional"; readonly region: number; readonly line: string }
  | { readonly kind: "pause"; readonly ms: number }
  | { readonly kind: "kill"; readonly region: number; readonly shim: number }
  | { readonly kind: "restart"; readonly region: number }
  /** The server makes so much room, which often takes all that it has. */
  | { readonly kind: "starve"; readonly region: number; readonly bytes: number }
  /** So many keys go, of clients and records alike. */
  | { readonly kind: "evict"; readonly region: number; readonly keys: number }
  | { readonly kind: "cut"; readonly region: number }
  | { readonly kind: "heal" }
  /** Everything has arrived before what follows, but where a region is cut off. */
  | { readonly kind: "rest" }
  /** So much time that regions forget what is older than the horizon; where records take up too much, in any case. */
  | { readonly kind: "age"; readonly full: boolean };

/** One run. */
export interface Schedule {
  readonly seed: number;
  /** How far each region's clock is ahead, in milliseconds. */
  readonly skewsMs: readonly number[];
  readonly steps: readonly Step[];
}

/** Of the same kinds, as clients of database 0 send them: they would wait for what blocks, and cannot purge. */
function regionalLine(random: Random, known: CommandNames, keys: readonly string[]): string {
  for (;;) {
    const line = randomCommand(random, known, keys);
    if (line === "FLUSHALL") return "FLUSHDB";
    if (!/^(B[LRZ]|FLY)/.test(line)) return line;
  }
}

function disturbance(random: Random, region: number, line: () => string): Step {
  const dice = random.below(14);
  if (dice < 3) return { kind: "regional", region, line: line() };
  if (dice < 5) return { kind: "cut", region };
  if (dice < 7) return { kind: "heal" };
  if (dice < 8) return { kind: "kill", region, shim: random.below(SHIMS) };
  if (dice < 9) return { kind: "starve", region, bytes: 200 + random.below(4000) };
  if (dice < 12) return { kind: "evict", region, keys: 1 + random.below(12) };
  return { kind: "restart", region };
}

/** One command as a step, or several: it comes in pieces, or after a rest, or its shim dies in the middle. */
function arrival(random: Random, rough: boolean, line: string): readonly Step[] {
  const [region, shim] = [random.below(regions.length), random.below(SHIMS)];
  // Alone on its way, it finds a place in every region.
  const before: Step[] = random.chance(0.2) ? [{ kind: "rest" }] : [];
  if (random.chance(0.5)) return [...before, { kind: "write", region, shim, line }];
  const pieces = 2 + random.below(5);
  const upload: Step = { kind: "upload", region, shim, line, pieces, leaves: random.chance(0.2) };
  if (!rough || !random.chance(0.15)) return [...before, upload];
  const pauses = Array.from({ length: random.below(pieces + 1) }, (): Step => ({ kind: "pause", ms: 4 }));
  return [...before, upload, ...pauses, { kind: "kill", region, shim: random.chance(0.7) ? shim : 1 - shim }];
}

/**
 * The schedule of a seed: on servers that know the same commands, always the same.
 *
 * @param length - how many steps, or a few more.
 */
export function schedule(seed: number, length: number, known: CommandNames): Schedule {
  const random = new Random(seed);
  // A third of the schedules is without disturbance: there no value may be missing.
  const rough = seed % 3 !== 0;
  const [withLarge, ages] = [random.chance(0.5), random.chance(0.3)];
  const skewsMs = regions.map(() => (random.chance(0.3) ? random.below(6000) - 3000 : 0));
  const few = random.chance(0.75);
  const small = few
    ? [...random.shuffle(smallKeys).slice(0, FEW_SMALL), ...(random.chance(0.5) ? [counter] : [])]
    : smallKeys;
  const large = few ? random.shuffle(largeKeys).slice(0, FEW_LARGE) : largeKeys;
  const largeCommands = new LargeCommands(random, known, large);
  const regional = () => regionalLine(random, known, small);
  const steps: Step[] = [];
  // It is remembered for longer than all else.
  if (ages && random.chance(0.4)) steps.push({ kind: "write", region: 0, shim: 0, line: "FLUSHALL" });
  let end = length;
  while (steps.length < end) {
    const region = random.below(regions.length);
    if (rough && random.chance(0.002)) {
      const [shim, purges] = [random.below(SHIMS), manyPurges(random)];
      steps.push(...purges.map((line): Step => ({ kind: "write", region, shim, line })));
      end += purges.length;
    }
    const largeLine = withLarge && random.chance(0.12) ? largeCommands.next() : undefined;
    if (rough && random.chance(0.05)) steps.push(disturbance(random, region, regional));
    else if (ages && random.chance(0.05)) steps.push({ kind: "age", full: rough && random.chance(0.1) });
    else if (largeLine !== undefined) steps.push(...arrival(random, rough, largeLine));
    else if (random.chance(0.15)) steps.push({ kind: "pause", ms: 1 + random.below(12) });
    else {
      const line = randomCommand(random, known, withLarge && random.chance(0.3) ? large : small);
      steps.push({ kind: "write", region, shim: random.below(SHIMS), line });
    }
  }
  // With nothing under way any more that would have the value made anew, and nothing on record, or another value there.
  const forgotten = ages && random.chance(0.5);
  if (rough || forgotten) steps.push({ kind: "heal" }, { kind: "rest" });
  if (forgotten) steps.push({ kind: "age", full: false }, { kind: "age", full: false });
  else if (rough) steps.push({ kind: "regional", region: random.below(regions.length), line: regional() });
  return { seed, skewsMs, steps };
}

/** Leaves out ever smaller parts of a schedule for as long as it still fails. */
export async function shrink(failing: Schedule, fails: (smaller: Schedule) => Promise<boolean>): Promise<Schedule> {
  let smallest = failing;
  for (let size = Math.ceil(failing.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < smallest.steps.length; ) {
      const smaller = { ...smallest, steps: smallest.steps.toSpliced(start, size) };
      if (await fails(smaller)) smallest = smaller;
      else start += size;
    }
  }
  return smallest;
}
