// Applies stamped commands to the region's cluster, the writer's own and those from the bus alike. However often and in
// whatever order commands come, each takes effect at most once and never undoes a newer overwrite.

import type { Redis } from "ioredis";
import { type CommandReplyEntry, type CommandSpecification, specificationsFrom } from "../commands/specification";
import { EncodedCommand } from "./encodedCommand";
import type { StampedCommand } from "./envelope";
import { errorText } from "./errorText";
import { flushScript, sweepScript } from "./flushScript";
import { keyPages } from "./keyPages";
import { PurgeList, purgeScript } from "./purgeList";
import { bucketOf, type CallerRole, callerOf, records } from "./recordScript";
import { type KeyedStep, ReplayBatch, type ScriptArguments } from "./replayBatch";
import { addLetters, failure, listFor, noOutcome, type ReplayOutcome } from "./replayOutcome";
import { ReplayPace } from "./replayPace";
import { replayScript } from "./replayScript";
import { hasKnownKeys, type ReplayStep, replaySteps } from "./replaySteps";
import { rotationScript, tendScript } from "./rotationScript";
import { MAX_AHEAD_MS, STAMP_LENGTH, type Stamp, stampText } from "./stamp";
import { Turns } from "./turns";

/** What a {@link Replayer} may be told. */
export interface ReplayerOptions {
  /** How many commands clients have sent on database 0 so far: they wait behind what is replayed. @default none ever */
  readonly regionalCommands?: (() => number) | undefined;
  /** Which of its shim's connections it has. @default "home" */
  readonly role?: CallerRole;
}

/** Runs a script with these arguments. */
export type ScriptCall = (args: ScriptArguments) => Promise<readonly string[]>;

/** The commands that {@link Replayer} defines on its connection. */
interface Scripts {
  flyReplay(...args: ScriptArguments): Promise<readonly string[]>;
  flyFlush(...args: ScriptArguments): Promise<readonly ["stale" | "flushed" | "sweep", memory: string]>;
  flySweep(
    ...args: ScriptArguments
  ): Promise<readonly [goesOn: number, memory: string, letters: string, ...texts: string[]]>;
  flyPurge(...args: ScriptArguments): Promise<readonly [state: string, memory: string]>;
  flyNewest(...args: ScriptArguments): Promise<string>;
  flyRotate(...args: ScriptArguments): Promise<"young" | "kept" | "rotated" | "tend">;
  flyTend(...args: ScriptArguments): Promise<string>;
}

const MAX_BYTES_PER_CALL = 64 * 1024;
const SWEEP_PAGE = 256;
const everyKey = Buffer.from("*");

/** See the head of this file. */
export class Replayer {
  private readonly cluster: Redis & Scripts;
  private readonly horizonMs: number;
  private readonly spanMs: number;
  private readonly pace: ReplayPace;
  private readonly turns = new Turns(() => this.pace.portion.calls);
  private readonly specifications = new Map<string, CommandSpecification>();
  private start: string;
  private readonly caller: string;
  /**
   * The highest stamp that the server has said to have applied, its memory's name, and the number of this replayer's calls
   * that it has. Where it has less, it has lost that.
   */
  private readonly known = { newest: "", id: "", calls: 0 };
  /** What deletes keys of older commands that come later. */
  readonly purges: PurgeList;

  /**
   * @param cluster - a connection to database 0, which fails commands at once while it is down.
   * @param horizonMs - what has been replayed is remembered for so long.
   * @param start - a stamp of this process: of what happened before, it knows nothing.
   */
  constructor(
    cluster: Redis,
    horizonMs: number,
    start: Stamp,
    { regionalCommands = () => 0, role = "home" }: ReplayerOptions = {},
  ) {
    this.pace = new ReplayPace(regionalCommands);
    cluster.defineCommand("flyReplay", { lua: replayScript, numberOfKeys: 0 });
    cluster.defineCommand("flyNewest", { lua: `${records}\nreturn memory()`, numberOfKeys: 0 });
    cluster.defineCommand("flyFlush", { lua: flushScript, numberOfKeys: 0 });
    cluster.defineCommand("flySweep", { lua: sweepScript, numberOfKeys: 0 });
    cluster.defineCommand("flyPurge", { lua: purgeScript, numberOfKeys: 0 });
    cluster.defineCommand("flyRotate", { lua: rotationScript, numberOfKeys: 0 });
    cluster.defineCommand("flyTend", { lua: tendScript, numberOfKeys: 0 });
    this.cluster = cluster as Redis & Scripts;
    this.purges = new PurgeList(cluster, async (...args) => {
      const [state, memory] = await this.cluster.flyPurge(...this.lead(), ...args);
      this.learn(memory);
      return state;
    });
    this.start = stampText(start);
    this.caller = callerOf(start.origin, role);
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
    let batch = new ReplayBatch();
    let { steps } = this.pace.portion;
    const call = async (run: () => Promise<void>) => {
      const end = await this.turns.take();
      calls.push(run().finally(end));
    };
    const send = async () => {
      const ready = batch;
      batch = new ReplayBatch();
      if (ready.size > 0) await call(() => this.replay(ready, outcome));
      ({ steps } = this.pace.portion);
    };
    const isFull = (bytes: number) => batch.size >= steps || batch.bytes + bytes > MAX_BYTES_PER_CALL;
    for (const command of commands) {
      if (command instanceof EncodedCommand && command.overwriteShape) {
        if (isFull(command.bytes)) await send();
        batch.addOverwrite(command);
        continue;
      }
      for (const step of hasKnownKeys(command) ? replaySteps(command) : await this.askedSteps(command, outcome)) {
        if (step.kind === "flush") {
          await send();
          await call(() => this.flush(step, outcome));
          continue;
        }
        const bytes = step.args.reduce((sum, arg) => sum + arg.length, 0);
        if (isFull(bytes)) await send();
        batch.addStep(step, bytes);
      }
    }
    await send();
    await Promise.all(calls);
    // The address may lead to the new primary by now.
    if (outcome.transient.some(({ error }) => error.includes("READONLY"))) this.cluster.disconnect(true);
    return outcome;
  }

  /** The steps of a command. Rejects where the server has to be asked for its keys, and cannot be. */
  async stepsOf(command: StampedCommand): Promise<readonly ReplayStep[]> {
    if (hasKnownKeys(command)) return replaySteps(command);
    const name = String(command.args[0]);
    let specification = this.specifications.get(name);
    if (!specification) {
      const reply = (await this.cluster.call("COMMAND", "INFO", name)) as readonly (CommandReplyEntry | null)[];
      [specification] = specificationsFrom(reply.filter((entry) => entry !== null));
      if (specification) this.specifications.set(name, specification);
    }
    return replaySteps(command, specification);
  }

  private async askedSteps(command: StampedCommand, { transient }: ReplayOutcome): Promise<readonly ReplayStep[]> {
    try {
      return await this.stepsOf(command);
    } catch (error) {
      transient.push(failure(command, errorText(error)));
      return [];
    }
  }

  /**
   * Applies steps in one call. Never rejects: what fails is in the outcome.
   *
   * @param call - hands the arguments to {@link replayScript}.
   */
  async applySteps(steps: readonly KeyedStep[], call?: ScriptCall): Promise<ReplayOutcome> {
    const outcome = noOutcome();
    await this.replay(new ReplayBatch(steps), outcome, call);
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
    const [newest = "", id = "", calls] = memory.split(" ");
    const { known } = this;
    if (newest > known.newest) known.newest = newest;
    // Answers on several connections may overtake one another.
    known.calls = id === known.id ? Math.max(Number(calls), known.calls) : Number(calls);
    known.id = id;
  }

  /** What every script begins with. */
  private lead(): ScriptArguments {
    const { newest, id, calls } = this.known;
    return [this.spanMs, id && `${newest} ${id} ${calls}`, this.start + this.caller, this.horizonMs];
  }

  private async replay(
    batch: ReplayBatch,
    outcome: ReplayOutcome,
    call: ScriptCall = (args) => this.cluster.flyReplay(...args),
  ): Promise<void> {
    try {
      const reply = await call([...this.lead(), ...batch.arguments()]);
      const [letters = "", memory = "", purgesRevision = "", ...texts] = reply;
      this.learn(memory);
      // What the script says nothing of is tried again.
      addLetters(outcome, letters.padEnd(batch.size, "t"), texts, (index) => batch.steps[index]);
      outcome.unordered += batch.unordered(letters);
      await this.purges.follow(purgesRevision);
      const overtaking = this.purges.empty ? [] : this.purges.overtaking(batch.steps);
      if (overtaking.length > 0) await this.replay(new ReplayBatch(overtaking), outcome);
    } catch (error) {
      const { steps } = batch;
      const list = listFor(error, outcome);
      if (list === outcome.poison && steps.length > 1) {
        // One of them is to blame, nearly always before anything was written.
        const middle = steps.length >> 1;
        for (const half of [steps.slice(0, middle), steps.slice(middle)]) {
          await this.replay(new ReplayBatch(half), outcome, call);
        }
        return;
      }
      for (const step of steps) list.push(failure(step, errorText(error)));
    }
  }

  private async flush(command: StampedCommand, outcome: ReplayOutcome): Promise<void> {
    try {
      const [answer, memory] = await this.cluster.flyFlush(...this.lead(), stampText(command.stamp));
      this.learn(memory);
      if (answer === "stale") outcome.stale += 1;
      else if (answer === "flushed" || (await this.sweep(command, outcome))) outcome.applied += 1;
    } catch (error) {
      listFor(error, outcome).push(failure(command, errorText(error)));
    }
  }

  /** Each page waits for the one before. False where something has to be tried again. */
  private async sweep(command: StampedCommand, outcome: ReplayOutcome): Promise<boolean> {
    const stamp = stampText(command.stamp);
    for await (const { keys, last } of keyPages(this.cluster, everyKey, SWEEP_PAGE)) {
      const page = keys.flatMap((key) => [bucketOf(key), key]);
      const reply = await this.cluster.flySweep(...this.lead(), stamp, last ? 1 : 0, ...page);
      const [goesOn, memory, letters, ...texts] = reply;
      this.learn(memory);
      addLetters(outcome, letters, texts, () => command);
      if (letters.includes("t")) return false;
      if (goesOn === 0) break;
    }
    return true;
  }
}
