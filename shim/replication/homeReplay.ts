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
const maxInFlight = 4;
const maxBatch = 1024;

/** See the head of this file. */
export class HomeReplay {
  readonly #apply: (commands: readonly StampedCommand[]) => Promise<ReplayOutcome>;
  #waiting: StampedCommand[] = [];
  #inFlight: Batch[] = [];
  #observers: { readonly sequence: number; readonly callback: () => void }[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #accepted = 0;
  #settled = 0;
  #bytes = 0;

  constructor(apply: (commands: readonly StampedCommand[]) => Promise<ReplayOutcome>) {
    this.#apply = apply;
  }

  /** How many commands were added. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many of them, in that order, are settled. */
  get settled(): number {
    return this.#settled;
  }

  /** Memory of those that are not, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(command: StampedCommand): void {
    this.#accepted += 1;
    this.#bytes += heldBytes(command.args);
    this.#waiting.push(command);
    // What this turn of the event loop still brings goes along.
    this.#immediate ??= setImmediate(() => this.#send());
  }

  /** Calls back once `sequence` commands are settled; at once where they are. */
  onSettled(sequence: number, callback: () => void): void {
    if (sequence <= this.#settled) callback();
    else this.#observers.push({ sequence, callback });
  }

  #send(): void {
    this.#immediate = undefined;
    while (this.#waiting.length > 0 && this.#inFlight.length < maxInFlight) {
      const batch: Batch = { commands: this.#waiting.splice(0, maxBatch), settled: false };
      this.#inFlight.push(batch);
      void this.#apply(batch.commands).then(() => {
        batch.settled = true;
        this.#advance();
      });
    }
  }

  #advance(): void {
    for (let batch = this.#inFlight[0]; batch?.settled; batch = this.#inFlight[0]) {
      this.#inFlight.shift();
      this.#settled += batch.commands.length;
      this.#bytes -= batch.commands.reduce((sum, { args }) => sum + heldBytes(args), 0);
    }
    this.#send();
    const due = this.#observers.filter(({ sequence }) => sequence <= this.#settled);
    if (due.length === 0) return;
    this.#observers = this.#observers.filter(({ sequence }) => sequence > this.#settled);
    for (const { callback } of due) callback();
  }
}
