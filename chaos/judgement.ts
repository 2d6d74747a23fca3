// Compares what regions hold after a schedule with the model, and allows what docs/consistency.md allows, no more.
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";
import type { Redis } from "ioredis";
import { PURGES_KEPT } from "./commands";
import { counter, keys, keysIn } from "./keys";
import { type Content, contents, expires, fold } from "./model";
import { type Accepted, isPublished, type WholeCommand } from "./publication";
import type { ChaosRegion } from "./regions";
import type { Shim } from "./shims";

/** A key that a region holds otherwise than it should. */
export interface Divergence {
  readonly region: string;
  readonly key: string;
  readonly holds: Content;
  readonly should: Content;
}

/** How a schedule went. */
export interface Result {
  readonly divergences: readonly Divergence[];
  /** Accepted by a shim that lived on, and never published. */
  readonly missing: number;
  readonly accepted: number;
  /** Accepted by shims that were killed before the bus had it: the documented loss. */
  readonly lost: number;
  /** By which all regions together have counted less than the model. */
  readonly lostIncrements: number;
  /** Accepted commands that travelled in chunks. */
  readonly large: number;
  /** Generations of records that regions have dropped. */
  readonly dropped: number;
  /** Keys in all regions that were compared, and those of them that held nothing though the model has a value. */
  readonly compared: number;
  readonly absent: number;
  /** Of those that were compared, how many should expire some time, and held something. */
  readonly expiring: number;
}

type Comparison = Pick<Result, "divergences" | "compared" | "absent" | "expiring">;

/**
 * Compares, once everything has arrived.
 *
 * @param whole - all commands that the bus got.
 * @param model - a server for them alone.
 * @param excused - whether keys count as well of which a region may hold nothing.
 */
export async function judge(
  regions: readonly ChaosRegion[],
  whole: ReadonlyMap<string, WholeCommand>,
  model: Redis,
  excused: boolean,
): Promise<Result> {
  const [living, killed] = [regions.flatMap(({ shims }) => shims), regions.flatMap((region) => region.killed)];
  const accepted = [...living, ...killed].flatMap((shim) => shim.accepted);
  const unpublished = (shims: readonly Shim[]) =>
    shims.flatMap((shim) => shim.accepted.filter((each) => !isPublished(each, whole)));
  const lost = unpublished(killed);
  const tainted = new Set(
    [...lost.map(({ words }) => words), ...killed.flatMap(({ broken }) => broken)].flatMap(keysIn),
  );
  const comparable = keys.filter((key) => !tainted.has(key));
  const unplaced = keysWithoutPlace(accepted, whole);
  const late = keysBeforeForgottenPurges(accepted);
  for (const { excuses } of regions) excuses.add(comparable.filter((key) => unplaced.has(key) || late.has(key)));

  let [comparison, untilMs]: [Comparison | undefined, number] = [undefined, 0];
  // What has expired meanwhile may have been read in one region and not in the next.
  while (!comparison || Date.now() >= untilMs) {
    untilMs = await fold(model, [...whole.values()], Date.now());
    comparison = await compare(regions, await contents(model, comparable), excused);
  }
  return {
    ...comparison,
    lostIncrements: comparison.divergences.reduce((sum, divergence) => sum + incrementsLost(divergence), 0),
    missing: unpublished(living).length,
    accepted: accepted.length,
    lost: lost.length,
    large: [...whole.values()].filter(({ large }) => large).length,
    dropped: regions.reduce((sum, { excuses }) => sum + excuses.rotations, 0),
  };
}

async function compare(
  regions: readonly ChaosRegion[],
  expected: ReadonlyMap<string, Content>,
  excused: boolean,
): Promise<Comparison> {
  const divergences: Divergence[] = [];
  let [compared, absent, expiring] = [0, 0, 0];
  for (const { name, client, excuses } of regions) {
    for (const [key, holds] of await contents(client, [...expected.keys()])) {
      const [should, allowance] = [expected.get(key), excuses.of(key)];
      if (allowance === "anything" || (!excused && allowance !== "the value")) continue;
      compared += 1;
      if (holds !== undefined && expires(should)) expiring += 1;
      if (holds === should) continue;
      if (holds === undefined && allowance === "the value or nothing") absent += 1;
      else divergences.push({ region: name, key, holds, should });
    }
  }
  return { divergences, compared, absent, expiring };
}

/**
 * Keys of commands that no journal keeps, where another command belongs before one and may have come after it: it had not
 * arrived everywhere when the other one was accepted.
 */
function keysWithoutPlace(
  accepted: readonly Accepted[],
  whole: ReadonlyMap<string, WholeCommand>,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { stamp, words, epoch } of accepted) {
    if (!whole.get(stamp)?.sliced) continue;
    const late = accepted.filter((each) => each.stamp < stamp && each.epoch >= epoch);
    const lateKeys = new Set(late.flatMap((each) => keysIn(each.words)));
    for (const key of keysIn(words)) if (lateKeys.has(key)) found.add(key);
  }
  return found;
}

/** Keys of commands that are older than a purge which a region may have forgotten by the time they came. */
function keysBeforeForgottenPurges(accepted: readonly Accepted[]): ReadonlySet<string> {
  const purges = accepted.filter(({ words }) => String(words[0]) === PURGE);
  const forgotten = purges
    .map(({ stamp }) => stamp)
    .sort()
    .at(-1 - PURGES_KEPT);
  const epoch = purges.map((each) => each.epoch).sort((a, b) => a - b)[PURGES_KEPT];
  if (forgotten === undefined || epoch === undefined) return new Set();
  const late = accepted.filter((each) => each.stamp <= forgotten && each.epoch >= epoch);
  return new Set(late.flatMap(({ words }) => keysIn(words)));
}

function incrementsLost({ key, holds, should }: Divergence): number {
  const count = (content: Content) => Number(JSON.parse(content ?? "[]")[1] ?? 0);
  return key === counter ? Math.max(0, count(should) - count(holds)) : 0;
}
