// What the bus has confirmed of the outbox, in the outbox's order, for sessions that answer OK only then. Nobody waits
// longer than a time without any confirmation; from then on, until one comes, nothing more is to be accepted.

import { Progress } from "./progress";

/** See the head of this file. */
export class Confirmations {
  private readonly withinMs: number;
  private readonly progress = new Progress();
  private addedCount = 0;
  private overdue = false;
  private watch: NodeJS.Timeout | undefined;

  /** @param withinMs - time without a confirmation after which the bus counts as out of reach. */
  constructor(withinMs: number) {
    this.withinMs = withinMs;
  }

  /** How many commands and messages came into the outbox. */
  get added(): number {
    return this.addedCount;
  }

  /** How many of them, in order, the bus has. */
  get confirmed(): number {
    return this.progress.reached;
  }

  /** Why nothing can be accepted, in Redis's form; undefined while the bus confirms what it gets. */
  get obstacle(): string | undefined {
    if (!this.overdue) return undefined;
    return `BUSY SNS has confirmed nothing for ${this.withinMs} ms, try again later`;
  }

  /** What a command is answered whose confirmation did not come in time, in Redis's form. */
  get doubt(): string {
    return `ERR SNS has not confirmed the command within ${this.withinMs} ms, it may or may not be replayed`;
  }

  /** To be called for everything that comes into the outbox, which must keep all of it. */
  add(): void {
    this.addedCount += 1;
    this.watch ??= this.newWatch();
  }

  /** To be called for everything that leaves the outbox for the bus, in order. @returns what confirms it */
  begin(count: number): () => void {
    const settle = this.progress.begin(count);
    return () => {
      const before = this.confirmed;
      settle();
      // What is confirmed out of turn helps nobody who waits.
      if (this.confirmed === before) return;
      this.overdue = false;
      clearTimeout(this.watch);
      this.watch = this.confirmed < this.addedCount ? this.newWatch() : undefined;
    };
  }

  /** Calls back once `count` commands are confirmed, or none has been for too long: the caller is to look which. */
  onConfirmed(count: number, callback: () => void): void {
    this.progress.onReached(count, callback);
  }

  private newWatch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.watch = undefined;
      this.overdue = true;
      this.progress.release();
    }, this.withinMs).unref();
  }
}
