// Stamps: the one total order over all accepted commands. A clock never issues a stamp at or below one it has issued
// or followed, and its text sorts as the stamps do, byte by byte.

import type { Redis } from "ioredis";

/** Hybrid logical clock time plus the origin that issued it. */
export interface Stamp {
  /** Milliseconds since 1970 on the Redis clock of the origin's region, 48 bits. */
  readonly ms: number;
  /** Orders the stamps of one millisecond, 16 bits. */
  readonly counter: number;
  /** The shim process that issued it, 32 bits. */
  readonly origin: number;
}

/** A stamp further than this ahead of a region's clock is not followed: that would spoil every later stamp. */
export const MAX_FOLLOWED_MS = 60_000;

/** One further than this ahead is poison. A clock that follows another is still taken where clocks are behind its own. */
export const MAX_AHEAD_MS = 2 * MAX_FOLLOWED_MS;

/** Digits of {@link stampText}. */
export const STAMP_LENGTH = 24;

const MAX_COUNTER = 0xffff;
const MAX_ORIGIN = 0xffffffff;
const SAMPLE_ROUNDS = 5;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/**
 * 24 lower-case hexadecimal digits: ms, counter, origin. The replay script compares stamps with Lua's `<`, which goes by
 * the server's locale: fixed width and digits that every locale sorts alike keep it equal to the order of stamps.
 */
export function stampText({ ms, counter, origin }: Stamp): string {
  return hex(ms, 12) + hex(counter, 4) + hex(origin, 8);
}

/** Reads what {@link stampText} wrote; undefined for anything else. */
export function parseStamp(text: string): Stamp | undefined {
  if (!/^[0-9a-f]{24}$/.test(text)) {
    return undefined;
  }
  return {
    ms: Number.parseInt(text.slice(0, 12), 16),
    counter: Number.parseInt(text.slice(12, 16), 16),
    origin: Number.parseInt(text.slice(16), 16),
  };
}

/** Issues one origin's stamps. Its physical part follows the region's Redis clock once that has been sampled. */
export class Clock {
  readonly origin: number;
  private readonly monotonicMs: () => number;
  private offsetMs: number;
  private lastMs = 0;
  private lastCounter = 0;
  /** How far ahead of this clock others have been. */
  private leadMs = 0;

  /** @param monotonicMs - never goes back, so that steps of the host's clock do not matter. */
  constructor(origin: number, monotonicMs: () => number = () => performance.now()) {
    this.origin = origin;
    this.monotonicMs = monotonicMs;
    this.offsetMs = Date.now() - monotonicMs();
  }

  /** The region's time in whole milliseconds. */
  nowMs(): number {
    return Math.floor(this.monotonicMs() + this.offsetMs);
  }

  next(): Stamp {
    const nowMs = this.nowMs();
    if (nowMs > this.lastMs) {
      this.lastMs = nowMs;
      this.lastCounter = 0;
    } else if (this.lastCounter < MAX_COUNTER) {
      this.lastCounter += 1;
    } else {
      this.lastMs += 1;
      this.lastCounter = 0;
    }
    return { ms: this.lastMs, counter: this.lastCounter, origin: this.origin };
  }

  /** A stamp that nobody has issued yet, whose clock is not further ahead than all that were observed. */
  ceiling(): Stamp {
    return { ms: Math.max(this.nowMs() + this.leadMs, this.lastMs), counter: MAX_COUNTER, origin: MAX_ORIGIN };
  }

  /** Moves past a stamp of somebody else, unless it is too far ahead to be followed. False where it is poison. */
  observe({ ms, counter }: Stamp): boolean {
    const leadMs = ms - this.nowMs();
    if (leadMs > MAX_AHEAD_MS) {
      return false;
    }
    this.leadMs = Math.max(this.leadMs, leadMs);
    const newer = ms > this.lastMs || (ms === this.lastMs && counter > this.lastCounter);
    if (newer && leadMs <= MAX_FOLLOWED_MS) {
      this.lastMs = ms;
      this.lastCounter = counter;
    }
    return true;
  }

  /** Sets the offset from the quickest of several TIME round trips: its error is at most half of that trip. */
  async sample(cluster: Redis): Promise<void> {
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let round = 0; round < SAMPLE_ROUNDS; round += 1) {
      const sentMs = this.monotonicMs();
      const [seconds, microseconds] = await cluster.time();
      const tripMs = this.monotonicMs() - sentMs;
      if (tripMs < quickestMs) {
        quickestMs = tripMs;
        const offsetMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - (sentMs + tripMs / 2);
        // Where this clock jumps ahead, others are less so.
        this.leadMs = Math.max(0, Math.ceil(this.leadMs - Math.max(0, offsetMs - this.offsetMs)));
        this.offsetMs = offsetMs;
      }
    }
  }
}
