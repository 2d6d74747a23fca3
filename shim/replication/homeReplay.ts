// Replays accepted commands in the writer's own region without waiting for the bus, and says how far it is. Commands
// settle in the order of their acceptance; one that fails settles too, since the region's own copy arrives over the bus.

import type { StampedCommand } from "./envelope";
import { heldBytes } from "./outbox";
import type { ReplayOutcome } from "./replayer";

interface Batch {
  readonly commands: readonly StampedCommand[];
  settled: boolean;
}

/** Beyond it, commands wait here rather than in the connection. */
const MAX_IN_FLIGHT = 4;
const MAX_BATCH = 1024;

/** See the head of this file. */
export class HomeReplay {
  private readonly apply: (commands: readonly StampedCommand[]) => Promise<ReplayOutcome>;
  private waiting: StampedCommand[] = [];
  private inFlight: Batch[] = [];
  private observers: { readonly sequence: number; readonly callback: () => void }[] = [];
  private immediate: NodeJS.Immediate | undefined;
  private acceptedCount = 0;
  private settledCount = 0;
  private heldTotal = 0;

  constructor(apply: (commands: readonly StampedCommand[]) => Promise<ReplayOutcome>) {
    this.apply = apply;
  }

  /** How many commands were added. */
  get accepted(): number {
    return this.acceptedCount;
  }

  /** How many of them, in that order, are settled. */
  get settled(): number {
    return this.settledCount;
  }

  /** Memory of those that are not, in bytes. */
  get bytes(): number {
    return this.heldTotal;
  }

  add(command: StampedCommand): void {
    this.acceptedCount += 1;
    this.heldTotal += heldBytes(command.args);
    this.waiting.push(command);
    // What this turn of the event loop still brings goes along.
    this.immediate ??= setImmediate(() => this.send());
  }

  /** Calls back once `sequence` commands are settled; at once where they are. */
  onSettled(sequence: number, callback: () => void): void {
    if (sequence <= this.settledCount) callback();
    else this.observers.push({ sequence, callback });
  }

  private send(): void {
    this.immediate = undefined;
    while (this.waiting.length > 0 && this.inFlight.length < MAX_IN_FLIGHT) {
      const batch: Batch = { commands: this.waiting.splice(0, MAX_BATCH), settled: false };
      this.inFlight.push(batch);
      void this.apply(batch.commands).then(() => {
        batch.settled = true;
        this.advance();
      });
    }
  }

  private advance(): void {
    for (let batch = this.inFlight[0]; batch?.settled; batch = this.inFlight[0]) {
      this.inFlight.shift();
      this.settledCount += batch.commands.length;
      this.heldTotal -= batch.commands.reduce((sum, { args }) => sum + heldBytes(args), 0);
    }
    this.send();
    const due = this.observers.filter(({ sequence }) => sequence <= this.settledCount);
    if (due.length === 0) return;
    this.observers = this.observers.filter(({ sequence }) => sequence > this.settledCount);
    for (const { callback } of due) callback();
  }
}
