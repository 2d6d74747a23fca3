// Reads an envelope's body, or a part of one, from its beginning to its end (the format is told in envelope.ts). What it
// hands out are slices.

import { EncodedCommand } from "./encodedCommand";
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

  /** Where the next thing that it reads begins. */
  get position(): number {
    return this.at;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      const byte = this.body[this.at++];
      if (byte === undefined) throw this.cutShort();
      value += (byte & 0x7f) * unit;
      if (byte === 0 && index > 0) throw new RangeError("a number has more bytes than it needs");
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
  *commands(origin: number, { ms, counter }: Omit<Position, "at"> = { ms: 0, counter: 0 }): Generator<EncodedCommand> {
    let lastMs = ms;
    let nextCounter = counter;
    while (this.at < this.body.length) {
      const elapsedMs = this.varint();
      lastMs += elapsedMs;
      const stampCounter = this.varint() + (elapsedMs === 0 ? nextCounter : 0);
      const start = this.at;
      const length = this.varint();
      if (lastMs > 0xffff_ffff_ffff || stampCounter > 0xffff || length === 0) {
        throw new RangeError(`the command before byte ${this.at} has an impossible stamp or no name`);
      }
      for (let left = length; left > 0; left--) this.skip(this.varint());
      nextCounter = stampCounter + 1;
      yield new EncodedCommand(this.body, start, this.at, lastMs, stampCounter, origin);
    }
  }

  private take(length: number): Buffer {
    const start = this.at;
    this.skip(length);
    return this.body.subarray(start, this.at);
  }

  private skip(length: number): void {
    this.at += length;
    if (this.at > this.body.length) throw this.cutShort();
  }

  private cutShort(): RangeError {
    return new RangeError(`it ends within a field, at byte ${this.body.length}`);
  }
}
