// Bytes at an even rate.
import { setTimeout } from "node:timers/promises";

/** Who says when bytes may go on. */
export interface Pacer {
  /** Settles, or is undefined, when it is time for so many more bytes. */
  take(bytes: number): Promise<void> | undefined;
}

/** What a timer was late by is made up for; what others held up is not, or a burst would follow. */
const MAKE_UP_MS = 10;

/** Lets through so many bytes in a second. */
export class Pace implements Pacer {
  private dueMs = performance.now();

  constructor(private readonly bytesPerSecond: number) {}

  take(bytes: number): Promise<void> | undefined {
    const now = performance.now();
    this.dueMs = Math.max(this.dueMs, now - MAKE_UP_MS) + (bytes / this.bytesPerSecond) * 1000;
    const aheadMs = this.dueMs - now;
    // Timers count in whole milliseconds.
    return aheadMs < 1 ? undefined : setTimeout(aheadMs);
  }
}
