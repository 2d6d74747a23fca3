// Walks the bytes of a client and finds where commands begin and end, whatever the chunks they come in, without
// materialising them. It resumes in the middle of a number or a name, so bytes are looked at once only.
//
//   chunk   …$3\r\nfoo\r\n | *2\r\n$3\r\nGET\r\n$1\r\nk\r\n | *3\r\n$3\r\nSE
//                          ^ start                      ^ end       ^ position when the chunk is used up
//
// Limits and texts are Redis's own (processMultibulkBuffer and processInlineBuffer in its networking.c). Lines and strings
// must end in CR LF, as Valkey wants it since the patch releases 7.2.14, 8.0.11 and 9.0.6: it closes the connection
// otherwise, which many clients share here. Redis takes whatever is there.

/** What {@link RequestScanner.next} found. */
export type RequestEvent =
  /** The chunk is used up, perhaps within a command. */
  | "more"
  /** A command ends at `end`. */
  | "command"
  /** An inline command ends at `end`, or an empty line. */
  | "inline"
  /** An array without elements ends at `end`: no command, and Redis passes over it without an answer. */
  | "empty"
  /** The command under way is longer than `largeBytes`; reported once, then scanned on. */
  | "large"
  /** The bytes are no RESP; `error` says why, and the connection must be closed. */
  | "error";

/** Finds what a command's name stands for, by its bytes. */
export interface NameLookup<Entry> {
  lookup(bytes: Buffer, start: number, length: number): Entry | undefined;
}

const CR = 13;
const LF = 10;
const ASTERISK = 42;
const DOLLAR = 36;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;

const MAX_INLINE_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_ELEMENTS = 0x7fffffff;
/** The least number of 64 bits: what is below is no number to Redis. */
const MIN_INTEGER = -(2 ** 63);
const MAX_BULK_BYTES = 512 * 1024 * 1024;
const MAX_UNAUTHENTICATED_ELEMENTS = 10;
const MAX_UNAUTHENTICATED_BULK_BYTES = 16 * 1024;
/** Numbers beyond ten times this are none of a command that one chunk has whole. */
const MAX_PLAIN = 10_000_000;
/** Longer than any command's name; a longer one is unknown. */
const MAX_NAME_BYTES = 64;

/** Where the scanner stands within a command. */
type Place = "start" | "inline" | "elements" | "bulk" | "length" | "name" | "bytes" | "ending";

const NO_CRLF = "invalid CRLF in request";

export class RequestScanner<Entry> {
  /** While false, Redis's limits for clients that have not authenticated hold. */
  authenticated = false;
  /** Commands longer than this are reported as `large` while they are under way. */
  largeBytes = MAX_BULK_BYTES;
  /** What the name of the last reported command stands for; absent where the table does not know it. */
  entry: Entry | undefined = undefined;
  /** Number of arguments of the last reported command, the name included. */
  argumentCount = 0;
  /** Offset in the chunk at which the command under way began; 0 where it began in an earlier chunk. */
  start = 0;
  /** Offset in the chunk just behind the last reported command. */
  end = 0;
  /** Redis's text for what is wrong, after `error`. */
  error = "";

  private chunk: Buffer = Buffer.alloc(0);
  private position = 0;
  private place: Place = "start";
  /** Bytes of the command under way in earlier chunks. */
  private earlierBytes = 0;
  private reportedLarge = false;
  private elementsLeft = 0;
  private bytesLeft = 0;
  private endingBytes = 0;
  private headerValue = 0;
  private headerDigits = 0;
  private headerNegative = false;
  private headerEnding = false;
  private numberEnd = 0;
  private readonly name = Buffer.alloc(MAX_NAME_BYTES);
  private nameBytes = 0;

  constructor(private readonly names: NameLookup<Entry>) {}

  /** Takes the next chunk; the one before must have been used up. */
  feed(chunk: Buffer): void {
    this.earlierBytes = this.place === "start" ? 0 : this.earlierBytes + (this.chunk.length - this.start);
    this.chunk = chunk;
    this.position = 0;
    this.start = 0;
  }

  /** Copies the chunk, whose memory is about to be used for another; offsets stay what they are. */
  keep(): Buffer {
    this.chunk = Buffer.from(this.chunk);
    return this.chunk;
  }

  /** Whether the chunk ended within a command. */
  get withinCommand(): boolean {
    return this.place !== "start";
  }

  /** Scans on to the next event. */
  next(): RequestEvent {
    const { chunk } = this;
    while (this.position < chunk.length) {
      switch (this.place) {
        case "start": {
          this.start = this.position;
          this.entry = undefined;
          if (this.authenticated && this.scanWhole()) return "command";
          this.earlierBytes = 0;
          this.reportedLarge = false;
          if (chunk[this.position] === ASTERISK) {
            this.position++;
            this.beginHeader("elements");
          } else {
            this.place = "inline";
          }
          break;
        }
        case "inline": {
          const at = chunk.indexOf(LF, this.position);
          const stop = at < 0 ? chunk.length : at;
          if (this.earlierBytes + stop - this.start > MAX_INLINE_BYTES) return this.fail("too big inline request");
          this.position = at < 0 ? stop : at + 1;
          if (at < 0) return "more";
          return this.finish("inline");
        }
        case "elements": {
          const done = this.scanHeader("invalid multibulk length", "too big mbulk count string");
          if (done === undefined) return "error";
          if (!done) return "more";
          const count = this.headerValue;
          if (count > MAX_ELEMENTS || count < MIN_INTEGER) return this.fail("invalid multibulk length");
          if (!this.authenticated && count > MAX_UNAUTHENTICATED_ELEMENTS) {
            return this.fail("unauthenticated multibulk length");
          }
          if (count <= 0) return this.finish("empty");
          this.argumentCount = count;
          this.elementsLeft = count;
          this.place = "bulk";
          break;
        }
        case "bulk": {
          const byte = chunk[this.position] ?? 0;
          if (byte !== DOLLAR) return this.fail(`expected '$', got '${String.fromCharCode(byte)}'`);
          this.position++;
          this.beginHeader("length");
          break;
        }
        case "length": {
          const done = this.scanHeader("invalid bulk length", "too big bulk count string");
          if (done === undefined) return "error";
          if (!done) return "more";
          const length = this.headerValue;
          if (length < 0 || length > MAX_BULK_BYTES) return this.fail("invalid bulk length");
          if (!this.authenticated && length > MAX_UNAUTHENTICATED_BULK_BYTES) {
            return this.fail("unauthenticated bulk length");
          }
          this.bytesLeft = length;
          this.place = "bytes";
          if (this.elementsLeft === this.argumentCount) this.beginName(length);
          const scanned = this.earlierBytes + this.position - this.start;
          if (!this.reportedLarge && scanned + length + 2 > this.largeBytes) {
            this.reportedLarge = true;
            return "large";
          }
          break;
        }
        case "name": {
          const taken = chunk.copy(this.name, this.nameBytes, this.position, this.position + this.bytesLeft);
          this.nameBytes += taken;
          this.position += taken;
          this.bytesLeft -= taken;
          if (this.bytesLeft > 0) return "more";
          this.entry = this.names.lookup(this.name, 0, this.nameBytes);
          this.place = "bytes";
          break;
        }
        case "bytes": {
          const taken = Math.min(this.bytesLeft, chunk.length - this.position);
          this.bytesLeft -= taken;
          this.position += taken;
          if (this.bytesLeft > 0) return "more";
          this.place = "ending";
          this.endingBytes = 0;
          break;
        }
        case "ending": {
          if (chunk[this.position++] !== (this.endingBytes++ === 0 ? CR : LF)) return this.fail(NO_CRLF);
          if (this.endingBytes < 2) break;
          this.elementsLeft--;
          if (this.elementsLeft === 0) return this.finish("command");
          this.place = "bulk";
          break;
        }
      }
    }
    return "more";
  }

  /**
   * Passes over a command that the chunk has whole, as nearly all are: in one go, without a trace of where it stands in
   * between. False, with nothing done, where it is anything else; then the places look closer.
   */
  private scanWhole(): boolean {
    const { chunk, start } = this;
    const count = this.plainNumber(ASTERISK, start);
    let entry: Entry | undefined;
    let at = this.numberEnd;
    for (let left = count; left > 0; left--) {
      const length = this.plainNumber(DOLLAR, at);
      if (length < 0) return false;
      if (left === count && length <= MAX_NAME_BYTES && this.numberEnd + length <= chunk.length)
        entry = this.names.lookup(chunk, this.numberEnd, length);
      at = this.numberEnd + length + 2;
      if (chunk[at - 2] !== CR || chunk[at - 1] !== LF) return false;
    }
    if (count <= 0 || at - start > this.largeBytes) return false;
    this.entry = entry;
    this.argumentCount = count;
    this.position = at;
    this.end = at;
    return true;
  }

  /** Reads a number of a few digits behind its mark, up to its CR LF at `numberEnd`; -1 for anything else. */
  private plainNumber(mark: number, from: number): number {
    const { chunk } = this;
    if (chunk[from] !== mark) return -1;
    let value = (chunk[from + 1] ?? 0) - ZERO;
    let at = from + 2;
    if (value < 0 || value > 9) return -1;
    for (let byte = chunk[at++]; byte !== CR; byte = chunk[at++]) {
      if (byte === undefined || byte < ZERO || byte > NINE || value === 0 || value > MAX_PLAIN) return -1;
      value = value * 10 + byte - ZERO;
    }
    if (chunk[at++] !== LF) return -1;
    this.numberEnd = at;
    return value;
  }

  private finish(event: "command" | "inline" | "empty"): RequestEvent {
    this.place = "start";
    this.end = this.position;
    return event;
  }

  private fail(text: string): RequestEvent {
    this.error = `ERR Protocol error: ${text}`;
    return "error";
  }

  /** Looks the name up where it lies, or goes on to gather it where the chunk breaks it. */
  private beginName(length: number): void {
    if (length > MAX_NAME_BYTES) return;
    if (this.position + length <= this.chunk.length) {
      this.entry = this.names.lookup(this.chunk, this.position, length);
    } else {
      this.nameBytes = 0;
      this.place = "name";
    }
  }

  private beginHeader(place: "elements" | "length"): void {
    this.place = place;
    this.headerValue = 0;
    this.headerDigits = 0;
    this.headerNegative = false;
    this.headerEnding = false;
  }

  /** Reads a number up to its CR LF into `headerValue`; false where the chunk ends first, undefined after an error. */
  private scanHeader(invalid: string, tooLong: string): boolean | undefined {
    const { chunk } = this;
    let at = this.position;
    while (at < chunk.length) {
      const byte = chunk[at++] ?? 0;
      if (this.headerEnding) {
        if (byte !== LF) return this.refuse(NO_CRLF, at);
        this.position = at;
        if (this.headerNegative) this.headerValue = -this.headerValue;
        return true;
      }
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) {
        // As Redis's string2ll: no leading zeros, and no more than 64 bits, of which doubles keep enough to refuse.
        if (this.headerDigits > 0 && this.headerValue === 0) return this.refuse(invalid, at);
        this.headerValue = this.headerValue * 10 + digit;
        this.headerDigits++;
        if (this.headerDigits > MAX_HEADER_BYTES) return this.refuse(tooLong, at);
      } else if (byte === CR && this.headerDigits > 0 && !(this.headerNegative && this.headerValue === 0)) {
        this.headerEnding = true;
      } else if (byte === MINUS && this.headerDigits === 0 && !this.headerNegative) {
        this.headerNegative = true;
      } else {
        return this.refuse(invalid, at);
      }
    }
    this.position = at;
    return false;
  }

  private refuse(text: string, at: number): undefined {
    this.position = at;
    this.fail(text);
  }
}
