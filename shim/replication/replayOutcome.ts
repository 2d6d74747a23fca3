// What became of replayed commands.

import type { Logger } from "pino";
import { errorText } from "./errorText";

/**
 * Why a region cannot tell what a key should hold, by the script's letter. The key is deleted, and stays so until an
 * overwrite that is newer than all the region may have missed.
 *
 * - `late`: older than the horizon, and nothing is on record to place it by
 * - `lost`: from before the server lost its memory, in a restart or a failover
 * - `evicted`: from before the server evicted the key or its records
 * - `local`: a regional write has taken the place of the value that the command would change
 * - `expired`: the value that the command would change had expired here when it came
 * - `folded`: older than commands that the journal, which is bounded, has only the sum of
 * - `held`: the command came to a key of which the region could not tell already
 */
export const doubtReasons = {
  l: "late",
  r: "lost",
  v: "evicted",
  c: "local",
  x: "expired",
  b: "folded",
  d: "held",
} as const;

/** See {@link doubtReasons}. */
export type DoubtReason = (typeof doubtReasons)[keyof typeof doubtReasons];

/** What became of some commands; commands over several keys count once for each. */
export interface ReplayOutcome {
  applied: number;
  /** Known already, or older than what is there. */
  stale: number;
  /** How many of the applied ran in the order of their arrival: no order could be promised. */
  unordered: number;
  /** Their keys were deleted. */
  readonly doubts: Map<DoubtReason, number>;
  /** Errors of the data, such as WRONGTYPE: the same in every region, and final. */
  readonly errors: ReplayFailure[];
  /** What this server cannot run, whenever it is tried. */
  readonly poison: ReplayFailure[];
  /** Worth another try; the rest need not be tried again but may be. */
  readonly transient: ReplayFailure[];
}

/** A command that failed, without its arguments: those are the application's. */
export interface ReplayFailure {
  readonly stamp: string;
  readonly command: string;
  readonly error: string;
}

/** Whether a script's letter says that the region cannot tell. */
export function isDoubt(letter: string): letter is keyof typeof doubtReasons {
  return letter in doubtReasons;
}

/** Counts a key that was deleted. */
export function doubted({ doubts }: ReplayOutcome, letter: keyof typeof doubtReasons): void {
  const reason = doubtReasons[letter];
  doubts.set(reason, (doubts.get(reason) ?? 0) + 1);
}

/** What a script stumbles over it would stumble over again, and nothing else would be replayed meanwhile. */
export function listFor(error: unknown, { poison, transient }: ReplayOutcome): ReplayFailure[] {
  return /^(ERR user_script|WRONGTYPE)/.test(errorText(error)) ? poison : transient;
}

/** What became of no commands. */
export function noOutcome(): ReplayOutcome {
  return { applied: 0, stale: 0, unordered: 0, doubts: new Map(), errors: [], poison: [], transient: [] };
}

/** Says which commands a server cannot run, without their arguments: those are the application's. */
export function logPoison(log: Logger, { poison }: ReplayOutcome): void {
  for (const failure of poison) log.error(failure, "the cluster cannot run an accepted command");
}
