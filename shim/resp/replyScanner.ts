// Finds where replies end, in every type of RESP2 and RESP3, nested however deep, so that the lane knows whose bytes
// they are. One counter of outstanding elements stands for the whole nesting: an aggregate of n adds n to it.

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const PLUS = 43;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const COLON = 58;

/** How the bytes behind a type's first line go on. */
type Shape = "line" | "bulk" | "array" | "map" | "attribute";

const shapes: readonly (Shape | undefined)[] = Array.from({ length: 256 }, (_, byte): Shape | undefined => {
  const type = String.fromCharCode(byte);
  if ("+-:,_#(".includes(type)) return "line";
  if ("$=!".includes(type)) return "bulk";
  if ("*~>".includes(type)) return "array";
  if (type === "%") return "map";
  return type === "|" ? "attribute" : undefined;
});

const PUSH = 62;

/** Thrown when an upstream sends what is no RESP; the lane is then of no use any more. */
export class ReplyFormatError extends Error {
  override readonly name = "ReplyFormatError";
  readonly code = "REPLY_FORMAT";
}

/** Where the reply at an offset ends, if the chunk has it whole and it is of one of the simple types; else 0. */
function wholeReplyEnd(chunk: Buffer, from: number): number {
  const type = chunk[from];
  let at = from + 1;
  if (type === PLUS || type === COLON) {
    for (let byte = chunk[at++]; byte !== undefined; byte = chunk[at++]) if (byte === LF) return at;
    return 0;
  }
  if (type !== DOLLAR) return 0;
  let length = 0;
  let byte = chunk[at++];
  for (; byte !== undefined && byte >= ZERO && byte <= NINE; byte = chunk[at++]) length = length * 10 + byte - ZERO;
  if (byte !== CR || at === from + 2) return 0;
  // Behind CR LF comes the string, and CR LF again.
  const end = at + 1 + length + 2;
  return end <= chunk.length ? end : 0;
}

export class ReplyScanner {
  /** Whether the last {@link scan} came to the end of a reply. */
  complete = true;
  /** Whether the reply under way or just ended is a push frame, which answers no request. */
  push = false;
  /** How many replies {@link pass} has passed over. */
  passed = 0;

  /** Elements that the reply under way still wants. */
  private outstanding = 0;
  /** Bytes of a bulk string, its CR LF included, that are still to come. */
  private skip = 0;
  private shape: Shape | undefined = undefined;
  private value = 0;
  private negative = false;

  /** Bytes known to follow in the reply under way: the rest of a bulk string. */
  get announcedBytes(): number {
    return this.skip;
  }

  /**
   * Passes over replies that the chunk has whole and that are of the simplest types, no error among them, as nearly all
   * are; {@link passed} tells how many. To be called between two replies.
   *
   * @param limit - of them, at most
   * @returns the offset behind them
   */
  pass(chunk: Buffer, from: number, limit: number): number {
    let at = from;
    let passed = 0;
    for (let end = at; passed < limit; passed++) {
      end = wholeReplyEnd(chunk, at);
      if (end === 0) break;
      at = end;
    }
    this.passed = passed;
    return at;
  }

  /**
   * Scans one reply on from `from`.
   *
   * @returns the offset behind the reply, or the chunk's length where the reply goes on in the next chunk
   * @throws ReplyFormatError on bytes that are no RESP
   */
  scan(chunk: Buffer, from: number): number {
    const end = chunk.length;
    let at = from;
    if (this.complete) {
      if (at >= end) return at;
      this.complete = false;
      this.push = chunk[at] === PUSH;
      this.outstanding = 1;
    }
    for (;;) {
      if (this.skip > 0) {
        const taken = Math.min(this.skip, end - at);
        this.skip -= taken;
        at += taken;
        if (this.skip > 0) return at;
      }
      if (this.outstanding === 0 && this.shape === undefined) {
        this.complete = true;
        return at;
      }
      if (at >= end) return at;
      if (this.shape === undefined) {
        const byte = chunk[at++] ?? 0;
        this.shape = shapes[byte];
        if (this.shape === undefined) {
          throw new ReplyFormatError(`the cluster sent a reply of the unknown type 0x${byte.toString(16)}`);
        }
        this.value = 0;
        this.negative = false;
      }
      at = this.shape === "line" ? this.scanLine(chunk, at) : this.scanHeader(chunk, at, this.shape);
    }
  }

  private scanLine(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (chunk[at++] === LF) {
        this.shape = undefined;
        this.outstanding--;
        break;
      }
    }
    return at;
  }

  private scanHeader(chunk: Buffer, from: number, shape: Shape): number {
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at++] ?? 0;
      if (byte === LF) {
        this.shape = undefined;
        this.count(shape, this.negative ? -1 : this.value);
        break;
      }
      if (byte === MINUS) {
        this.negative = true;
      } else if (byte !== CR) {
        const digit = byte - ZERO;
        if (digit < 0 || digit > 9) throw new ReplyFormatError("the cluster sent a reply whose length is no number");
        this.value = this.value * 10 + digit;
      }
    }
    return at;
  }

  /** Accounts for a header: what hangs below it becomes outstanding. A length of -1 is RESP2's null. */
  private count(shape: Shape, length: number): void {
    switch (shape) {
      case "bulk":
        if (length >= 0) this.skip = length + 2;
        this.outstanding--;
        break;
      case "array":
        this.outstanding += Math.max(length, 0) - 1;
        break;
      case "map":
        this.outstanding += 2 * length - 1;
        break;
      case "attribute":
        // Attributes come before the element that they describe and do not count as one.
        this.outstanding += 2 * length;
        break;
    }
  }
}
