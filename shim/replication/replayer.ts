// Applies stamped commands to the region's cluster, the writer's own and those from the bus alike. However often and in
// whatever order commands come, each takes effect at most once and never undoes a newer overwrite.

import type { Redis } from "ioredis";
import type { StampedCommand } from "./envelope";
import { flushScript, sweepScript } from "./flushScript";
import { type PlainStep, packOverwrites } from "./plainScript";
import { PurgeList } from "./purgeList";
import { bucketOf, records } from "./recordScript";
import { replayScript } from "./replayScript";
import { type ReplayStep, replaySteps } from "./replaySteps";
import { rotationScript, tendScript } from "./rotationScript";
import { MAX_AHEAD_MS, STAMP_LENGTH, type Stamp, stampText } from "./stamp";
import { Turns } from "./turns";

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

/** Arguments of a script. */
export type ScriptArguments = readonly (string | Buffer | number)[];

/** Runs a script with these arguments. */
export type ScriptCall = (args: ScriptArguments) => Promise<readonly string[]>;

/** The commands that {@link Replayer} defines on its connection. */
interface Scripts {
  flyReplay(...args: ScriptArguments): Promise<readonly string[]>;
  flyFlush(...args: ScriptArguments): Promise<"stale" | "flushed" | "sweep">;
  flySweep(...args: ScriptArguments): Promise<number>;
  flyNewest(...args: ScriptArguments): Promise<string>;
  flyRotate(...args: ScriptArguments): Promise<"young" | "kept" | "rotated" | "tend">;
  flyTend(...args: ScriptArguments): Promise<string>;
}

/** Of which the server is never without one, while a batch of them does not hold up other clients for long. */
const MAX_CALLS_IN_FLIGHT = 4;
/** About a millisecond of the server's time: what database 0 has to wait for at most. */
const MAX_STEPS_PER_CALL = 64;
const MAX_BYTES_PER_CALL = 64 * 1024;
const SWEEP_PAGE = 256;

/** A step that {@link Replayer} hands to the server's script. */
export type KeyedStep = Exclude<ReplayStep, { kind: "flush" }>;

/** Adds what the script is told of a step. */
function pushArguments(step: KeyedStep, args: (string | Buffer | number)[]): void {
  const stamp = stampText(step.stamp);
  switch (step.kind) {
    case "overwrite":
      args.push(step.assembled ? "p" : "o", stamp, bucketOf(step.key), step.leaves);
      break;
    case "modification":
      if (step.slices) {
        args.push("q", stamp, bucketOf(step.key), step.key, step.slices.lead, step.slices.group);
        break;
      }
      // Lua counts from 1.
      args.push("m", stamp, bucketOf(step.key), step.key, step.instantIndex && step.instantIndex + 1);
      break;
    case "other":
      args.push("j", stamp, step.keys.length);
      for (const key of step.keys) args.push(bucketOf(key), key);
      break;
  }
  args.push(step.args.length);
  for (const arg of step.args) args.push(arg);
}

function arePlain(steps: readonly KeyedStep[]): steps is readonly PlainStep[] {
  return steps.every((step) => step.kind === "overwrite" && !step.assembled);
}

function isDoubt(letter: string): letter is keyof typeof doubtReasons {
  return letter in doubtReasons;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What became of no commands. */
export function noOutcome(): ReplayOutcome {
  return { applied: 0, stale: 0, unordered: 0, doubts: new Map(), errors: [], poison: [], transient: [] };
}

/** See the head of this file. */
export class Replayer {
  private readonly cluster: Redis & Scripts;
  private readonly horizonMs: number;
  private readonly spanMs: number;
  private readonly turns = new Turns(MAX_CALLS_IN_FLIGHT);
  private start: string;
  /** The highest stamp that the server has said to have applied, and its memory's name. If it forgets, it has lost that. */
  private known = { newest: "", memory: "" };
  /** What deletes keys of older commands that come later. */
  readonly purges: PurgeList;

  /**
   * @param cluster - a connection to database 0, which fails commands at once while it is down.
   * @param horizonMs - what has been replayed is remembered for so long.
   * @param start - a stamp: of what happened before, this process knows nothing.
   */
  constructor(cluster: Redis, horizonMs: number, start: Stamp) {
    cluster.defineCommand("flyReplay", { lua: replayScript, numberOfKeys: 0 });
    cluster.defineCommand("flyNewest", { lua: `${records}\nreturn newest .. id`, numberOfKeys: 0 });
    cluster.defineCommand("flyFlush", { lua: flushScript, numberOfKeys: 0 });
    cluster.defineCommand("flySweep", { lua: sweepScript, numberOfKeys: 0 });
    cluster.defineCommand("flyRotate", { lua: rotationScript, numberOfKeys: 0 });
    cluster.defineCommand("flyTend", { lua: tendScript, numberOfKeys: 0 });
    this.cluster = cluster as Redis & Scripts;
    this.purges = new PurgeList(cluster);
    this.start = stampText(start);
    this.horizonMs = horizonMs;
    // A stamp may be that far ahead of its application, and must be remembered for a horizon after itself.
    this.spanMs = horizonMs + MAX_AHEAD_MS;
  }

  /**
   * The connection was lost. Should the server have lost its memory with it, no stamp above this one was in that memory:
   * this process alone cannot know what the region's other shims had applied.
   */
  disconnected(ceiling: Stamp): void {
    this.start = stampText(ceiling);
  }

  /**
   * Applies commands in the order given; what else is applied meanwhile comes in between. Never rejects: what fails is in
   * the outcome.
   */
  async apply(commands: Iterable<StampedCommand>): Promise<ReplayOutcome> {
    const outcome = noOutcome();
    const calls: Promise<void>[] = [];
    let steps: KeyedStep[] = [];
    let bytes = 0;
    const call = async (run: () => Promise<void>) => {
      const end = await this.turns.take();
      calls.push(run().finally(end));
    };
    const send = async () => {
      const ready = steps;
      steps = [];
      bytes = 0;
      if (ready.length > 0) await call(() => this.replay(ready, outcome));
    };
    for (const command of commands) {
      for (const step of replaySteps(command)) {
        if (step.kind === "flush") {
          await send();
          await call(() => this.flush(step.stamp, outcome));
          continue;
        }
        const stepBytes = step.args.reduce((sum, arg) => sum + arg.length, 0);
        if (steps.length === MAX_STEPS_PER_CALL || bytes + stepBytes > MAX_BYTES_PER_CALL) await send();
        steps.push(step);
        bytes += stepBytes;
      }
    }
    await send();
    await Promise.all(calls);
    // The address may lead to the new primary by now.
    if (outcome.transient.some(({ error }) => error.includes("READONLY"))) this.cluster.disconnect(true);
    return outcome;
  }

  /**
   * Applies steps in one call. Never rejects: what fails is in the outcome.
   *
   * @param call - hands the arguments to {@link replayScript}.
   */
  async applySteps(steps: readonly KeyedStep[], call?: ScriptCall): Promise<ReplayOutcome> {
    const outcome = noOutcome();
    await this.replay(steps, outcome, call);
    return outcome;
  }

  /**
   * Tells the server what this process knows it to have applied, and asks it the same: should it have lost its memory,
   * that shows now. From then on it is expected to remember what it answers.
   *
   * @returns the highest stamp that the region has recorded.
   */
  async newest(): Promise<string> {
    const memory = await this.cluster.flyNewest(...this.lead());
    this.learn(memory);
    return memory.slice(0, STAMP_LENGTH);
  }

  /**
   * Forgets records that nothing can come for any more, once they are old enough.
   *
   * @param heardMs - up to then, in ms since 1970, everything has arrived.
   * @param maxBytes - records that take up more are forgotten once they are old enough, whatever may still come.
   */
  async rotate(heardMs: number, maxBytes: number): Promise<void> {
    const answer = await this.cluster.flyRotate(...this.lead(), heardMs, maxBytes);
    // It may take a while, and where it fails the next time does.
    if (answer === "tend") void this.tend().catch(() => {});
  }

  /** Page by page, each waiting for the one before, so that other clients get their turns. */
  private async tend(): Promise<void> {
    let cursor = "0";
    do {
      cursor = await this.cluster.flyTend(...this.lead(), cursor);
    } while (cursor !== "0");
  }

  private learn(memory: string): void {
    const newest = memory.slice(0, STAMP_LENGTH);
    if (newest > this.known.newest) this.known.newest = newest;
    this.known.memory = memory.slice(STAMP_LENGTH);
  }

  /** What every script begins with. */
  private lead(): ScriptArguments {
    const { newest, memory } = this.known;
    return [this.spanMs, newest + memory, this.start, this.horizonMs];
  }

  private async replay(
    steps: readonly KeyedStep[],
    outcome: ReplayOutcome,
    call: ScriptCall = (args) => this.cluster.flyReplay(...args),
  ): Promise<void> {
    const fail = (list: ReplayFailure[], { stamp, args }: KeyedStep, error: string) => {
      list.push({ stamp: stampText(stamp), command: String(args[0]), error });
    };
    const args: (string | Buffer | number)[] = [...this.lead()];
    if (arePlain(steps)) {
      args.push("plain", steps.length, packOverwrites(steps));
    } else {
      args.push("mixed");
      for (const step of steps) pushArguments(step, args);
    }
    try {
      const reply = await call(args);
      const [letters = "", memory = "", purgesRevision = "", ...errors] = reply;
      this.learn(memory);
      await this.purges.follow(purgesRevision);
      let errorIndex = 0;
      for (const [index, step] of steps.entries()) {
        const letter = letters[index] ?? "t";
        if (letter === "a") {
          outcome.applied += 1;
          if (step.kind === "other") outcome.unordered += 1;
        } else if (letter === "s") {
          outcome.stale += 1;
        } else if (isDoubt(letter)) {
          const reason = doubtReasons[letter];
          outcome.doubts.set(reason, (outcome.doubts.get(reason) ?? 0) + 1);
        } else {
          const list = letter === "e" ? outcome.errors : letter === "u" ? outcome.poison : outcome.transient;
          fail(list, step, errors[errorIndex++] ?? "no outcome");
        }
      }
      const overtaking = this.purges.overtaking(steps);
      if (overtaking.length > 0) await this.replay(overtaking, outcome);
    } catch (error) {
      // What the script stumbles over it would stumble over again, and nothing else would be replayed meanwhile.
      const stumbled = /^(ERR user_script|WRONGTYPE)/.test(textOf(error));
      for (const step of steps) fail(stumbled ? outcome.poison : outcome.transient, step, textOf(error));
    }
  }

  private async flush(stamp: Stamp, outcome: ReplayOutcome): Promise<void> {
    const text = stampText(stamp);
    try {
      const answer = await this.cluster.flyFlush(...this.lead(), text);
      if (answer === "sweep") await this.sweep(text, outcome);
      if (answer === "stale") outcome.stale += 1;
      else outcome.applied += 1;
    } catch (error) {
      outcome.transient.push({ stamp: text, command: "FLUSHALL", error: textOf(error) });
    }
  }

  /** Page by page, each waiting for the one before, so that other clients get their turns. */
  private async sweep(stamp: string, { doubts }: ReplayOutcome): Promise<void> {
    let cursor = "0";
    let doubtful = 0;
    do {
      const [next, keys] = await this.cluster.scanBuffer(cursor, "COUNT", SWEEP_PAGE);
      cursor = next.toString();
      const page = keys.flatMap((key) => [bucketOf(key), key]);
      doubtful = await this.cluster.flySweep(...this.lead(), stamp, cursor === "0" ? 1 : 0, ...page);
      if (doubtful > 0) doubts.set("folded", (doubts.get("folded") ?? 0) + doubtful);
    } while (cursor !== "0" && doubtful >= 0);
  }
}
