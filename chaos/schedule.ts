// What happens in one run, step by step: a seed repeats it, and a failing one is made as short as it can be.
import { type CommandNames, randomCommand } from "./commands";
import { Random } from "./random";

/** Regions of every schedule. */
export const regions = ["us-east-1", "eu-west-1", "ap-northeast-1"] as const;

/** Shims of a region. */
export const SHIMS = 2;

/** One thing that happens. */
export type Step =
  | { readonly kind: "write"; readonly region: number; readonly shim: number; readonly line: string }
  | { readonly kind: "regional"; readonly region: number; readonly line: string }
  | { readonly kind: "pause"; readonly ms: number }
  | { readonly kind: "kill"; readonly region: number; readonly shim: number }
  | { readonly kind: "restart"; readonly region: number }
  | { readonly kind: "evict"; readonly region: number; readonly bytes: number }
  | { readonly kind: "cut"; readonly region: number }
  | { readonly kind: "heal" }
  /** Everything has arrived everywhere before what follows. */
  | { readonly kind: "rest" };

/** One run. */
export interface Schedule {
  readonly seed: number;
  /** How far each region's clock is ahead, in milliseconds. */
  readonly skewsMs: readonly number[];
  readonly steps: readonly Step[];
}

/** Of the same kinds, as clients of database 0 send them: they would wait for what blocks. */
function regionalLine(random: Random, known: CommandNames): string {
  for (;;) {
    const line = randomCommand(random, known);
    if (line === "FLUSHALL") return "FLUSHDB";
    if (!/^B[LRZ]/.test(line)) return line;
  }
}

function disturbance(random: Random, known: CommandNames, region: number): Step {
  const dice = random.below(14);
  if (dice < 3) return { kind: "regional", region, line: regionalLine(random, known) };
  if (dice < 5) return { kind: "cut", region };
  if (dice < 7) return { kind: "heal" };
  if (dice < 8) return { kind: "kill", region, shim: random.below(SHIMS) };
  if (dice < 12) return { kind: "evict", region, bytes: 200 + random.below(4000) };
  return { kind: "restart", region };
}

/**
 * The schedule of a seed: on servers that know the same commands, always the same.
 *
 * @param length - how many steps.
 */
export function schedule(seed: number, length: number, known: CommandNames): Schedule {
  const random = new Random(seed);
  // A third of the schedules is without disturbance: there no value may be missing.
  const rough = seed % 3 !== 0;
  const skewsMs = regions.map(() => (random.chance(0.3) ? random.below(6000) - 3000 : 0));
  const steps: Step[] = [];
  while (steps.length < length) {
    const region = random.below(regions.length);
    if (rough && random.chance(0.05)) steps.push(disturbance(random, known, region));
    else if (random.chance(0.15)) steps.push({ kind: "pause", ms: 1 + random.below(12) });
    else steps.push({ kind: "write", region, shim: random.below(SHIMS), line: randomCommand(random, known) });
  }
  // With nothing under way any more that would have the value made anew.
  if (rough)
    steps.push(
      { kind: "heal" },
      { kind: "rest" },
      { kind: "regional", region: random.below(regions.length), line: regionalLine(random, known) },
    );
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
