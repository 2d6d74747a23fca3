// Compares what regions hold after a schedule with the model, and allows what docs/consistency.md allows, no more.
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { counter, keys, keysIn } from "./keys";
import { type Content, contents, expiries, fold } from "./model";
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
}

/** Every short expiry has passed, or is further away, when keys are compared. */
const EXPIRY_MARGIN_MS = 160;

/**
 * Compares, once everything has arrived.
 *
 * @param whole - all commands that the bus got.
 * @param model - a server for them alone.
 */
export async function judge(
  regions: readonly ChaosRegion[],
  whole: ReadonlyMap<string, WholeCommand>,
  model: Redis,
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

  let expected = new Map<string, Content>();
  for (let settled = false; !settled; ) {
    await fold(model, [...whole.values()], Date.now());
    expected = await contents(model, comparable);
    const soonMs = Date.now() + EXPIRY_MARGIN_MS;
    settled = (await expiries(model, comparable)).every((expiry) => expiry > soonMs);
    if (!settled) await sleep(EXPIRY_MARGIN_MS / 4);
  }
  const divergences: Divergence[] = [];
  let [compared, absent] = [0, 0];
  for (const { name, client, excuses } of regions) {
    for (const [key, holds] of await contents(client, comparable)) {
      if (unplaced.has(key)) excuses.add([key]);
      const [should, allowance] = [expected.get(key), excuses.of(key)];
      if (allowance === "anything") continue;
      compared += 1;
      if (holds === should) continue;
      if (holds === undefined && allowance === "the value or nothing") absent += 1;
      else divergences.push({ region: name, key, holds, should });
    }
  }
  return {
    divergences,
    lostIncrements: divergences.reduce((sum, divergence) => sum + incrementsLost(divergence), 0),
    missing: unpublished(living).length,
    accepted: accepted.length,
    lost: lost.length,
    large: [...whole.values()].filter(({ large }) => large).length,
    dropped: regions.reduce((sum, { excuses }) => sum + excuses.rotations, 0),
    compared,
    absent,
  };
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

function incrementsLost({ key, holds, should }: Divergence): number {
  const count = (content: Content) => Number(JSON.parse(content ?? "[]")[1] ?? 0);
  return key === counter ? Math.max(0, count(should) - count(holds)) : 0;
}
