// The envelopes that a shim has filled, newest last, each by the stamp of its first command: 6 bytes of ms and 2 of its
// counter. An envelope's number is how many the shim had begun with it; the oldest are forgotten.

import { type Stamp, stampText } from "./stamp";

const BYTES = 8;

/** Envelopes of one shim, by their numbers. */
export interface EnvelopeRange {
  readonly first: number;
  readonly last: number;
}

/** See the head of this file. */
export class EnvelopeLog {
  private begun = 0;
  private readonly ring: Buffer;

  /** @param maxBytes - what the log may take up, and what is read from it. */
  constructor(maxBytes: number) {
    this.ring = Buffer.alloc(Math.floor(maxBytes / BYTES) * BYTES);
  }

  /** The number of the newest envelope; 0 where there is none. */
  get newest(): number {
    return this.begun;
  }

  /** Puts an envelope down by its first command. */
  begin({ ms, counter }: Stamp): void {
    const at = (this.begun * BYTES) % this.ring.length;
    this.ring.writeUIntBE(ms, at, 6);
    this.ring.writeUInt16BE(counter, at + 6);
    this.begun += 1;
  }

  /** Those of a range of envelopes that are still known, without those begun before an instant. */
  range({ first, last }: EnvelopeRange, ms: number): Buffer {
    const oldest = Math.max(first - 1, this.begun - this.ring.length / BYTES);
    const found: Buffer[] = [];
    for (let index = oldest; index < last; index += 1) {
      const at = (index * BYTES) % this.ring.length;
      if (this.ring.readUIntBE(at, 6) >= ms) found.push(this.ring.subarray(at, at + BYTES));
    }
    return Buffer.concat(found);
  }

  /** The stamps, as texts, of what {@link EnvelopeLog.range} gave at some origin. */
  static stamps(envelopes: Buffer, origin: number): readonly string[] {
    return Array.from({ length: Math.floor(envelopes.length / BYTES) }, (_, index) => {
      const at = index * BYTES;
      return stampText({ ms: envelopes.readUIntBE(at, 6), counter: envelopes.readUInt16BE(at + 6), origin });
    });
  }
}
