// Large commands as a region receives them: chunks are kept in its server as they come, whichever shim gets them; whoever
// makes a command complete puts it together and replays it. Nothing of it shows before, and it is never held in memory.

import type { Redis } from "ioredis";
import { GarbageHint } from "../buffers";
import type { StampedCommand } from "./envelope";
import { decodeLarge, encodeLarge, type LargeCommand, packMessage, transferBytes, unpackMessage } from "./largeCommand";
import type { KeyedStep } from "./replayBatch";
import type { Replayer } from "./replayer";
import { noOutcome, type ReplayOutcome } from "./replayOutcome";
import { replayScript } from "./replayScript";
import type { ReplayStep } from "./replaySteps";
import { splits } from "./splitting";
import { type RequestArgument, sendStreamed } from "./streamedRequest";
import { completeScript, discardScript, readScript, storeScript } from "./transferScript";

/** What a {@link Transfers} needs. */
export interface TransfersOptions {
  /** A connection to database 0, which fails commands at once while it is down. */
  readonly cluster: Redis;
  readonly replayer: Replayer;
  readonly horizonMs: number;
}

/** The commands that {@link Transfers} defines on its connection. */
interface Scripts {
  flyStoreBuffer(keepMs: number, transfer: string, offset: number, bytes: Buffer): Promise<Buffer | null>;
  flyComplete(keepMs: number, transfer: string, bytes: number, message: Buffer): Promise<string | number[]>;
  flyReadBuffer(keepMs: number, transfer: string, offset: number): Promise<Buffer | null>;
  flyDiscard(keepMs: number, transfer: string): Promise<number>;
}

/** Of chunks; each takes up several times its size on its way. */
const GARBAGE_BYTES = 3 * 1024 * 1024;
/** A script may take that long over a value of half a gigabyte. */
const SOCKET_TIMEOUT_MS = 60_000;

function assembledKey(transfer: string): string {
  return `w${transfer}`;
}

function keysOf(steps: readonly KeyedStep[]): readonly Buffer[] {
  return steps.flatMap((step) => (step.kind === "other" ? step.keys : [step.key]));
}

/** Its one step: what has several is taken apart where it is accepted, but for MSETEX, whose options come last. */
function keyedSteps({ stamp, args, tail }: LargeCommand, steps: readonly ReplayStep[]): readonly KeyedStep[] {
  const group = splits.get(String(args[0]))?.group ?? 1;
  const keyed = steps.filter((step) => step.kind !== "flush");
  if (String(args[0]) === "MSETEX") return [{ kind: "other", stamp, keys: keysOf(keyed), args }];
  return keyed.map((step) =>
    tail && step.kind === "modification" ? { ...step, slices: { lead: args.length, group } } : step,
  );
}

/** A SET whose value is in database 1. */
function assembledStep({ transfer, stamp, args }: LargeCommand, key: Buffer, leaves: string): KeyedStep {
  const [, , , ...options] = args;
  const value = Buffer.from(assembledKey(transfer));
  return { kind: "overwrite", stamp, key, leaves, args: [Buffer.from("SET"), key, value, ...options], assembled: true };
}

/** Without its value that step says of a key that the region cannot tell. */
function lackingSteps(command: LargeCommand, steps: readonly KeyedStep[]): readonly KeyedStep[] {
  return keysOf(steps).map((key) => assembledStep(command, key, "+"));
}

/** See the head of this file. */
export class Transfers {
  private readonly options: TransfersOptions;
  private readonly scripts: Scripts;
  private readonly keepMs: number;
  private readonly garbage = new GarbageHint(GARBAGE_BYTES);
  private readonly completing = new Map<string, Promise<ReplayOutcome | undefined>>();
  /** One command is put together at a time here: each takes a connection, and the server's memory twice. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: TransfersOptions) {
    const { cluster, horizonMs } = options;
    for (const [name, lua] of Object.entries({
      flyStore: storeScript,
      flyComplete: completeScript,
      flyRead: readScript,
      flyDiscard: discardScript,
    })) {
      cluster.defineCommand(name, { lua, numberOfKeys: 0 });
    }
    this.options = options;
    this.scripts = cluster as Redis & Scripts;
    this.keepMs = 2 * horizonMs;
  }

  /**
   * Takes a chunk.
   *
   * @returns what became of the command that this has completed; undefined where it is not complete
   */
  async store(transfer: string, offset: number, bytes: Buffer): Promise<ReplayOutcome | undefined> {
    const message = await this.keep(transfer, offset, bytes);
    return message && this.complete(decodeLarge(message));
  }

  /**
   * Takes a chunk, and leaves it to others to go on.
   *
   * @returns the message of the command that this has completed; undefined where it is not complete
   */
  async keep(transfer: string, offset: number, bytes: Buffer): Promise<StampedCommand | undefined> {
    this.garbage.passed(bytes.length);
    const packed = await this.scripts.flyStoreBuffer(this.keepMs, transfer, offset, bytes);
    return packed ? unpackMessage(packed) : undefined;
  }

  /**
   * Takes a command whose chunks have come, or will. Rejects where the server fails: worth another try.
   *
   * @returns what became of it; undefined where there are chunks to come, of which the last will complete it
   */
  async complete(command: LargeCommand): Promise<ReplayOutcome | undefined> {
    const { transfer } = command;
    for (let underWay = this.completing.get(transfer); underWay; underWay = this.completing.get(transfer)) {
      const outcome = await underWay;
      if (outcome) return outcome;
      // What was missing there may have come since.
    }
    const completing = this.tryToComplete(command).finally(() => this.completing.delete(transfer));
    this.completing.set(transfer, completing);
    return completing;
  }

  /** Frees what has come of a transfer; what is still to come will be passed over. */
  async discard(transfer: string): Promise<void> {
    while ((await this.scripts.flyDiscard(this.keepMs, transfer)) === 1);
  }

  private async tryToComplete(command: LargeCommand): Promise<ReplayOutcome | undefined> {
    const { transfer, stamp } = command;
    const message = packMessage({ stamp, args: encodeLarge(command) });
    const state = await this.scripts.flyComplete(this.keepMs, transfer, transferBytes(command), message);
    if (state === "waiting") return undefined;
    const outcome = await this.settle(command, state);
    // What this server does not know may be tried again, by somebody who has mended that, for as long as its chunks are kept.
    const unknown = outcome.poison.length > 0 && !outcome.doubts.has("failed");
    const settled = outcome.transient.length === 0 && !unknown;
    if (state !== "done" && settled) await this.discard(transfer);
    return outcome;
  }

  private async settle(command: LargeCommand, state: string | readonly number[]): Promise<ReplayOutcome> {
    if (state === "done") return { ...noOutcome(), stale: 1 };
    const { replayer } = this.options;
    const steps = keyedSteps(command, await replayer.stepsOf(command));
    if (typeof state === "string") return replayer.applySteps(lackingSteps(command, steps));
    const turn = this.turn.then(() => this.replay(command, steps, state));
    this.turn = turn.catch(() => {});
    return turn;
  }

  private async replay(
    command: LargeCommand,
    steps: readonly KeyedStep[],
    offsets: readonly number[],
  ): Promise<ReplayOutcome> {
    const { replayer } = this.options;
    const { transfer, large, tail } = command;
    const total = transferBytes(command);
    const [step] = steps;
    if (step?.kind === "overwrite") {
      const value = { bytes: total, pieces: () => this.read(transfer, offsets, 0, total) };
      await this.stream(1, ["SET", assembledKey(transfer), value, "PX", this.keepMs]);
      return replayer.applySteps([assembledStep(command, step.key, step.leaves)]);
    }
    return replayer.applySteps(steps, async (scriptArgs) => {
      const args: RequestArgument[] = ["EVAL", replayScript, 0, ...scriptArgs];
      const own = args.length - command.args.length;
      let end = 0;
      for (const { index, bytes } of large) {
        const start = end;
        end += bytes;
        args[own + index] = { bytes, pieces: () => this.read(transfer, offsets, start, start + bytes) };
      }
      if (tail) {
        args[own - 1] = command.args.length + tail.count;
        args.push({ count: tail.count, pieces: () => this.read(transfer, offsets, 0, total) });
      }
      return (await this.stream(0, args)) as string[];
    });
  }

  private async stream(db: 0 | 1, args: RequestArgument[]): Promise<unknown> {
    const { cluster } = this.options;
    const connection = cluster.duplicate({
      db,
      lazyConnect: true,
      socketTimeout: SOCKET_TIMEOUT_MS,
      retryStrategy: () => null,
      reconnectOnError: null,
    });
    connection.on("error", () => {});
    const giveUp = () => connection.disconnect();
    // It would outlive the shim, for as long as a silent server is given.
    cluster.once("close", giveUp);
    try {
      await connection.connect();
      return await sendStreamed(connection, args);
    } finally {
      cluster.off("close", giveUp);
      giveUp();
    }
  }

  /** What a transfer has between two offsets. */
  private async *read(
    transfer: string,
    offsets: readonly number[],
    start: number,
    end: number,
  ): AsyncGenerator<Buffer> {
    for (const [index, offset] of offsets.entries()) {
      if (offset >= end) return;
      if ((offsets[index + 1] ?? end) <= start) continue;
      const chunk = await this.scripts.flyReadBuffer(this.keepMs, transfer, offset);
      if (chunk === null) throw new Error(`the chunk at ${offset} of transfer ${transfer} is not there any more`);
      this.garbage.passed(chunk.length);
      yield chunk.subarray(Math.max(0, start - offset), end - offset);
    }
  }
}
