// Commands of one origin, encoded as an envelope's body has them (see envelope.ts): written once, when they are accepted,
// and read back where somebody wants them. Until then they are bytes, which cost the garbage collector nothing.

import { BodyReader, type Position } from "./bodyReader";
import type { StampedCommand } from "./envelope";
import { isCanary, needsVersion2 } from "./messages";
import { MAX_VARINT_BYTES, varintBytes, writeVarint } from "./varint";

const FIRST_BYTES = 4096;

/** The most that a command can take up, in bytes. */
export function commandBytes(args: readonly Buffer[]): number {
  let bytes = MAX_VARINT_BYTES + 3 + varintBytes(args.length);
  for (const arg of args) {
    bytes += varintBytes(arg.length) + arg.length;
  }
  return bytes;
}

/** See the head of this file. */
export class Segment implements Iterable<StampedCommand> {
  private buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private end = 0;
  private count = 0;
  private entryCount = 0;
  private oldestVersion = 1;
  private ms = 0;
  private counter = 0;
  private newestAt = 0;
  private newestMs = 0;
  private newestCounter = 0;

  /** @param origin - of all its commands. */
  constructor(readonly origin: number) {}

  /** How many it holds; canaries do not count. */
  get commands(): number {
    return this.count;
  }

  /** How many it holds, canaries included. */
  get entries(): number {
    return this.entryCount;
  }

  /** The oldest version of envelopes that can carry it. */
  get version(): number {
    return this.oldestVersion;
  }

  /** The size of all that it holds. */
  get bytes(): number {
    return this.end;
  }

  /** The size of the newest. */
  get newestBytes(): number {
    return this.end - this.newestAt;
  }

  /** Where the newest begins. */
  get newest(): Position {
    return { at: this.newestAt, ms: this.newestMs, counter: this.newestCounter };
  }

  /** Copies a command into it, whose stamp must be above those that are there. */
  append(command: StampedCommand): void {
    const { stamp, args } = command;
    this.newestAt = this.end;
    this.newestMs = this.ms;
    this.newestCounter = this.counter;
    this.reserve(commandBytes(args));
    const { buffer } = this;
    let at = writeVarint(buffer, stamp.ms - this.ms, this.end);
    at = writeVarint(buffer, stamp.ms === this.ms ? stamp.counter - this.counter : stamp.counter, at);
    at = writeVarint(buffer, args.length, at);
    for (const arg of args) {
      at = writeVarint(buffer, arg.length, at);
      buffer.set(arg, at);
      at += arg.length;
    }
    this.end = at;
    this.ms = stamp.ms;
    this.counter = stamp.counter + 1;
    this.entryCount += 1;
    if (!isCanary(command)) this.count += 1;
    if (needsVersion2(command)) this.oldestVersion = 2;
  }

  /** What it holds, as an envelope has it. */
  encoded(): Buffer {
    return this.buffer.subarray(0, this.end);
  }

  /** The commands in so many bytes from a position on, oldest first; their arguments are slices of the segment. */
  read(from: Position, bytes: number): Iterable<StampedCommand> {
    return new BodyReader(this.buffer.subarray(0, from.at + bytes), from.at).commands(this.origin, from);
  }

  [Symbol.iterator](): Iterator<StampedCommand> {
    return new BodyReader(this.encoded(), 0).commands(this.origin);
  }

  private reserve(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.end + bytes, this.buffer.length * 2));
    larger.set(this.encoded());
    this.buffer = larger;
  }
}
