// Reads an envelope's body, or a part of one, from its beginning to its end (the format is told in envelope.ts). What it
// hands out are slices.

import type { StampedCommand } from "./envelope";
import { MAX_VARINT_BYTES } from "./varint";

/** Where a command begins, and what its stamp counts from. */
export interface Position {
  readonly at: number;
  readonly ms: number;
  readonly counter: number;
}

/** Its methods throw RangeError where something else is encoded, or the body ends before. */
export class BodyReader {
  constructor(
    private readonly body: Buffer,
    private at: number,
  ) {}

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.body[this.at++];
      if (byte === undefined) throw this.cutShort();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw new RangeError(`a number has more than ${MAX_VARINT_BYTES} bytes`);
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  bytes(): Buffer {
    return this.take(this.varint());
  }

  /** All commands to the end. */
  *commands(origin: number, { ms, counter }: Omit<Position, "at"> = { ms: 0, counter: 0 }): Generator<StampedCommand> {
    let lastMs = ms;
    let nextCounter = counter;
    while (this.at < this.body.length) {
      const elapsedMs = this.varint();
      const stamp = { ms: lastMs + elapsedMs, counter: this.varint() + (elapsedMs === 0 ? nextCounter : 0), origin };
      const length = this.varint();
      if (stamp.ms > 0xffff_ffff_ffff || stamp.counter > 0xffff || length === 0) {
        throw new RangeError(`the command before byte ${this.at} has an impossible stamp or no name`);
      }
      const args: Buffer[] = [];
      while (args.length < length) args.push(this.bytes());
      lastMs = stamp.ms;
      nextCounter = stamp.counter + 1;
      yield { stamp, args };
    }
  }

  private take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.body.length) throw this.cutShort();
    const taken = this.body.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  private cutShort(): RangeError {
    return new RangeError(`it ends within a field, at byte ${this.body.length}`);
  }
}
