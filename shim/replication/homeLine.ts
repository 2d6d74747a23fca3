// Accepted commands on their way to the region's own cluster, one batch after the other, and how far they are. They settle
// in the order of their acceptance; one that fails settles too, since the region's own copy arrives over the bus.

import type { Position } from "./bodyReader";
import type { StampedCommand } from "./envelope";
import { Progress } from "./progress";
import type { Segment } from "./segment";

/** Commands in a row of a segment. */
interface Batch {
  readonly segment: Segment;
  readonly from: Position;
  commands: number;
  bytes: number;
}

const MAX_BATCH = 1024;

/** See the head of this file. */
export class HomeLine {
  private readonly apply: (commands: Iterable<StampedCommand>) => Promise<void>;
  private readonly progress = new Progress();
  private readonly waiting: Batch[] = [];
  private replaying = false;
  private immediate: NodeJS.Immediate | undefined;
  private acceptedCount = 0;
  private heldTotal = 0;

  constructor(apply: (commands: Iterable<StampedCommand>) => Promise<void>) {
    this.apply = apply;
  }

  /** How many commands were added. */
  get accepted(): number {
    return this.acceptedCount;
  }

  /** How many of them, in that order, are settled. */
  get settled(): number {
    return this.progress.reached;
  }

  /** Memory of those that are not replayed, in bytes. */
  get bytes(): number {
    return this.heldTotal;
  }

  /** Takes the newest command of a segment. */
  add(segment: Segment): void {
    let batch = this.waiting.at(-1);
    const { newest } = segment;
    // Between two commands there may be a message.
    const follows = batch?.segment === segment && batch.from.at + batch.bytes === newest.at;
    if (batch === undefined || !follows || batch.commands === MAX_BATCH) {
      batch = { segment, from: newest, commands: 0, bytes: 0 };
      this.waiting.push(batch);
    }
    batch.commands += 1;
    batch.bytes += segment.newestBytes;
    this.acceptedCount += 1;
    this.heldTotal += segment.newestBytes;
    // What this turn of the event loop still brings goes along.
    this.immediate ??= setImmediate(() => this.send());
  }

  /** Calls back once `sequence` commands are settled; at once where they are. */
  onSettled(sequence: number, callback: () => void): void {
    this.progress.onReached(sequence, callback);
  }

  /** One batch follows the other: what has no order but that of its arrival keeps it at home. */
  private send(): void {
    this.immediate = undefined;
    if (this.replaying) return;
    const batch = this.waiting.shift();
    if (batch !== undefined) void this.replay(batch);
  }

  private async replay({ segment, from, commands, bytes }: Batch): Promise<void> {
    const settle = this.progress.begin(commands);
    this.replaying = true;
    await this.apply(segment.read(from, bytes));
    this.replaying = false;
    this.heldTotal -= bytes;
    settle();
    this.send();
  }
}
