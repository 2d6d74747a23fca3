// Replays accepted commands in the writer's own region without waiting for the bus, and says how far it is. A large command
// may take long: it has a line of its own, and so have commands on the same keys meanwhile, so that these are replayed in
// the order of their acceptance, and no other command waits.

import type { StampedCommand } from "./envelope";
import { HomeLine } from "./homeLine";
import { decodeLarge } from "./largeCommand";
import { isLarge } from "./messages";
import { replaySteps } from "./replaySteps";
import { Segment } from "./segment";

/** Commands that wait behind large ones are let go of in pieces of this size. */
const BEHIND_BYTES = 64 * 1024;

/** The keys that it reads or writes; none for a FLUSHALL, which its stamp puts into its place. */
function keysOf(command: StampedCommand): readonly string[] {
  return replaySteps(isLarge(command) ? decodeLarge(command) : command)
    .flatMap((step) => (step.kind === "flush" ? [] : step.kind === "other" ? step.keys : [step.key]))
    .map((key) => key.toString("latin1"));
}

/** See the head of this file. */
export class HomeReplay {
  /** Of commands that need not wait for large ones. */
  readonly quick: HomeLine;
  /** Of large commands, and those behind them. */
  readonly slow: HomeLine;
  /** Keys of commands in the slow line, each with the newest of them by its number there. */
  private readonly slowKeys = new Map<string, number>();
  /** The newest commands behind a large one. */
  private behind: Segment | undefined;

  constructor(apply: (commands: Iterable<StampedCommand>) => Promise<void>) {
    this.quick = new HomeLine(apply);
    this.slow = new HomeLine(async (commands) => {
      // What was accepted before may be on the same keys.
      await new Promise<void>((resolve) => this.quick.onSettled(this.quick.accepted, resolve));
      await apply(commands);
    });
  }

  /** Memory of those that are not replayed, in bytes. */
  get bytes(): number {
    return this.quick.bytes + this.slow.bytes;
  }

  /** Takes a command, which is the newest of a segment. */
  add(segment: Segment, command: StampedCommand): void {
    const large = isLarge(command);
    if (!large && this.slowKeys.size === 0) {
      this.quick.add(segment);
      return;
    }
    const keys = keysOf(command);
    if (large || keys.some((key) => this.slowKeys.has(key))) this.addSlow(command, keys, large);
    else this.quick.add(segment);
  }

  /** Copies it: the segment that it is in has far more, and could be let go of before. */
  private addSlow(command: StampedCommand, keys: readonly string[], large: boolean): void {
    const { slow, slowKeys } = this;
    if (large || !this.behind || this.behind.bytes > BEHIND_BYTES) this.behind = new Segment(command.stamp.origin);
    this.behind.append(command);
    slow.add(this.behind);
    if (large) this.behind = undefined;
    const number = slow.accepted;
    for (const key of keys) slowKeys.set(key, number);
    slow.onSettled(number, () => {
      for (const key of keys) {
        if (slowKeys.get(key) === number) slowKeys.delete(key);
      }
    });
  }
}
