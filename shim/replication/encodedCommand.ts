// A command where it lies in an envelope's body: its stamp and arguments are made for those alone who ask for them. Most
// commands are overwrites, which go to the server without.

import type { StampedCommand } from "./envelope";
import type { Stamp } from "./stamp";
import { varintAt, varintBytes } from "./varint";

/** How an overwrite of one key is encoded, as far as it goes straight to the server. */
export type OverwriteShape = "set" | "set until" | "unlink";

/** Bytes of an argument. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const SET = Buffer.from("SET");
const UNLINK = Buffer.from("UNLINK");
const UNTIL = Buffer.from("PXAT");
/** The place of `PXAT` among the arguments of a SET that has one. */
const UNTIL_INDEX = 3;

/** See the head of this file. */
export class EncodedCommand implements StampedCommand {
  private sliced: readonly Buffer[] | undefined;

  /** @param start - of the number of arguments, in a body in which all that follows up to `end` is well formed. */
  constructor(
    readonly body: Buffer,
    private readonly start: number,
    readonly end: number,
    readonly ms: number,
    readonly counter: number,
    readonly origin: number,
  ) {}

  get stamp(): Stamp {
    const { ms, counter, origin } = this;
    return { ms, counter, origin };
  }

  /** Slices of the body. */
  get args(): readonly Buffer[] {
    this.sliced ??= this.slice();
    return this.sliced;
  }

  /** No more than so many bytes are its arguments. */
  get bytes(): number {
    return this.end - this.start;
  }

  get nameBytes(): number {
    return varintAt(this.body, this.nameLengthAt);
  }

  /** The first four bytes of its name as a number; to be asked for names of four bytes and more. */
  get nameHead(): number {
    return this.body.readUInt32BE(this.nameAt);
  }

  /** Undefined where it is no overwrite, or one of several keys. */
  get overwriteShape(): OverwriteShape | undefined {
    const count = varintAt(this.body, this.start);
    if (count === 2) return this.isNamed(UNLINK) ? "unlink" : undefined;
    if (!this.isNamed(SET)) return undefined;
    if (count === 3) return "set";
    return count === 5 && this.has(UNTIL, this.span(UNTIL_INDEX)) ? "set until" : undefined;
  }

  /** Where an argument lies in the body. */
  span(index: number): Span {
    const { body } = this;
    let at = this.nameLengthAt;
    for (let left = index; ; left--) {
      const length = varintAt(body, at);
      const start = at + varintBytes(length);
      if (left === 0) return { start, end: start + length };
      at = start + length;
    }
  }

  private get nameLengthAt(): number {
    return this.start + varintBytes(varintAt(this.body, this.start));
  }

  private get nameAt(): number {
    return this.nameLengthAt + varintBytes(this.nameBytes);
  }

  private isNamed(name: Buffer): boolean {
    return this.nameBytes === name.length && this.has(name, { start: this.nameAt, end: this.nameAt + name.length });
  }

  private has(text: Buffer, { start, end }: Span): boolean {
    if (end - start !== text.length) return false;
    for (let index = 0; index < text.length; index++) if (this.body[start + index] !== text[index]) return false;
    return true;
  }

  private slice(): readonly Buffer[] {
    const { body } = this;
    const args: Buffer[] = [];
    for (let at = this.nameLengthAt; at < this.end; ) {
      const length = varintAt(body, at);
      const start = at + varintBytes(length);
      at = start + length;
      args.push(body.subarray(start, at));
    }
    return args;
  }
}
