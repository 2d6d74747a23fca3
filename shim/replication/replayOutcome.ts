// What became of replayed commands.

import type { Logger } from "pino";
import type { StampedCommand } from "./envelope";
import { errorText } from "./errorText";
import { stampText } from "./stamp";

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
 * - `failed`: the server's script failed over the command, perhaps half way; it counts as poison too
 */
export const doubtReasons = {
  l: "late",
  r: "lost",
  v: "evicted",
  c: "local",
  x: "expired",
  b: "folded",
  d: "held",
  f: "failed",
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

function isDoubt(letter: string): letter is keyof typeof doubtReasons {
  return letter in doubtReasons;
}

/** Says of a command that it failed. */
export function failure({ stamp, args }: StampedCommand, error: string): ReplayFailure {
  return { stamp: stampText(stamp), command: String(args[0]), error };
}

function listUnder(letter: string, { errors, poison, transient }: ReplayOutcome): ReplayFailure[] | undefined {
  if (letter === "e") return errors;
  if (letter === "u" || letter === "f") return poison;
  return letter === "t" ? transient : undefined;
}

/**
 * Adds what a script says of the commands or keys that it was given: a letter for each, as `replayScript` has them, and a
 * text for each that failed.
 *
 * @param commandAt - which command it says that of, by its index
 */
export function addLetters(
  outcome: ReplayOutcome,
  letters: string,
  texts: readonly string[],
  commandAt: (index: number) => StampedCommand | undefined,
): void {
  let textIndex = 0;
  for (let index = 0; index < letters.length; index += 1) {
    const letter = letters.charAt(index);
    if (letter === "a") {
      outcome.applied += 1;
    } else if (letter === "s") {
      outcome.stale += 1;
    } else {
      if (isDoubt(letter)) {
        const reason = doubtReasons[letter];
        outcome.doubts.set(reason, (outcome.doubts.get(reason) ?? 0) + 1);
      }
      const list = listUnder(letter, outcome);
      const command = list && commandAt(index);
      if (command) list.push(failure(command, texts[textIndex++] ?? "no text"));
    }
  }
}

/** What a whole call stumbles over it would stumble over again, and nothing else would be replayed meanwhile. */
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
