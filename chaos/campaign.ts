// Many schedules, one after the other, as they go under one rule of the replay or with one mistake in it.
import type { ChaosFabric } from "./fabric";
import { type Fault, faults, lossUnder, type Rule, rules, sabotage } from "./faults";
import type { Result } from "./judgement";
import { type Schedule, schedule } from "./schedule";

/** What to run. */
export interface Campaign {
  readonly under: Rule | Fault;
  /** Of the first schedule; the next ones follow. */
  readonly seed: number;
  readonly schedules: number;
  /** Of one schedule. */
  readonly steps: number;
}

/** How it went, all schedules together. */
export interface Tally {
  /** Schedules after which a region held something else than it should, or an accepted command was missing. */
  diverged: number;
  /** Schedules of those after which a region had counted less than it should. */
  lostCounts: number;
  lostIncrements: number;
  missing: number;
  accepted: number;
  lost: number;
  large: number;
  dropped: number;
  compared: number;
  absent: number;
  expiring: number;
}

const summed = [
  ...(["lostIncrements", "missing", "accepted", "lost", "large"] as const),
  ...(["dropped", "compared", "absent", "expiring"] as const),
];

/** The names of all rules and mistakes but ours, which is right. */
export const mistakes: readonly (Rule | Fault)[] = [
  ...(Object.keys(rules) as Rule[]).filter((rule) => rule !== "journal"),
  ...(Object.keys(faults) as Fault[]),
];

/** @param onFailure - told of each schedule that fails; what it does is run under the same rule. */
export async function runCampaign(
  fabric: ChaosFabric,
  { under, seed, schedules, steps }: Campaign,
  onFailure: (failing: Schedule, result: Result) => Promise<void> = async () => {},
): Promise<Tally> {
  const tally: Tally = {
    diverged: 0,
    lostCounts: 0,
    lostIncrements: 0,
    missing: 0,
    accepted: 0,
    lost: 0,
    large: 0,
    dropped: 0,
    compared: 0,
    absent: 0,
    expiring: 0,
  };
  const undo = sabotage(under in rules ? rules[under as Rule] : faults[under as Fault]);
  try {
    for (let index = 0; index < schedules; index += 1) {
      const next = schedule(seed + index, steps, fabric.commands);
      const result = await fabric.run(next, lossUnder(under)).catch((cause: Error) => {
        throw new Error(`seed ${next.seed}: ${cause.message}`, { cause });
      });
      if (fails(result)) tally.diverged += 1;
      if (result.lostIncrements > 0) tally.lostCounts += 1;
      for (const name of summed) tally[name] += result[name];
      if (fails(result)) await onFailure(next, result);
    }
  } finally {
    undo();
  }
  return tally;
}

/** Whether a schedule went otherwise than promised. */
export function fails({ divergences, missing }: Result): boolean {
  return divergences.length > 0 || missing > 0;
}
