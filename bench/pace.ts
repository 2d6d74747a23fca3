// Bytes at an even rate.
import { setTimeout } from "node:timers/promises";

/** What a timer was late by is made up for; what others held up is not, or a burst would follow. */
const MAKE_UP_MS = 10;

/** Lets through so many bytes in a second. */
export class Pace {
  private dueMs = performance.now();

  constructor(private readonly bytesPerSecond: number) {}

  /** Settles when it is time for so many more bytes. */
  async take(bytes: number): Promise<void> {
    const now = performance.now();
    this.dueMs = Math.max(this.dueMs, now - MAKE_UP_MS) + (bytes / this.bytesPerSecond) * 1000;
    const aheadMs = this.dueMs - now;
    // Timers count in whole milliseconds.
    if (aheadMs >= 1) await setTimeout(aheadMs);
  }
}
