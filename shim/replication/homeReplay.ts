// Replays accepted commands in the writer's own region without waiting for the bus, and says how far it is. Commands
// settle in the order of their acceptance; one that fails settles too, since the region's own copy arrives over the bus.

import type { StampedCommand } from "./envelope";
import { heldBytes } from "./outbox";
import { Progress } from "./progress";
import type { ReplayOutcome } from "./replayer";

/** Beyond it, commands wait here rather than in the connection. */
const MAX_IN_FLIGHT = 4;
const MAX_BATCH = 1024;

/** See the head of this file. */
export class HomeReplay {
  private readonly apply: (commands: readonly StampedCommand[]) => Promise<ReplayOutcome>;
  private readonly progress = new Progress();
  private waiting: StampedCommand[] = [];
  private inFlight = 0;
  private immediate: NodeJS.Immediate | undefined;
  private acceptedCount = 0;
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
    return this.progress.reached;
  }

  /** Memory of those that are not replayed, in bytes. */
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
    this.progress.onReached(sequence, callback);
  }

  private send(): void {
    this.immediate = undefined;
    while (this.waiting.length > 0 && this.inFlight < MAX_IN_FLIGHT) {
      void this.replay(this.waiting.splice(0, MAX_BATCH));
    }
  }

  private async replay(commands: readonly StampedCommand[]): Promise<void> {
    const settle = this.progress.begin(commands.length);
    this.inFlight += 1;
    await this.apply(commands);
    this.inFlight -= 1;
    this.heldTotal -= commands.reduce((sum, { args }) => sum + heldBytes(args), 0);
    settle();
    this.send();
  }
}
