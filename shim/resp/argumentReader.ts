// Walks the arguments of one request as its bytes come, for requests too large to be gathered. Only bytes that the
// scanner has passed come here, so the form is right.

const CR = 13;
const ZERO = 48;

/** What is told of the arguments, one after the other, the name first. */
export interface ArgumentSink {
  begin(length: number): void;
  /** The next of its bytes, as a slice of what was fed. */
  bytes(slice: Buffer): void;
  end(): void;
}

export class ArgumentReader {
  private place: "header" | "length" | "bytes" = "header";
  private length = 0;
  private left = 0;
  /** Bytes to pass over: line ends, and the `$` of a length. */
  private skip = 0;

  constructor(private readonly sink: ArgumentSink) {}

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.skip > 0) {
        const skipped = Math.min(this.skip, chunk.length - at);
        this.skip -= skipped;
        at += skipped;
      } else if (this.place === "bytes") {
        const slice = chunk.subarray(at, at + this.left);
        this.left -= slice.length;
        at += slice.length;
        this.sink.bytes(slice);
        if (this.left === 0) this.endArgument();
      } else {
        const byte = chunk[at++] ?? 0;
        if (byte !== CR) this.length = this.length * 10 + byte - ZERO;
        else if (this.place === "header") this.expectLength(2);
        else this.beginArgument();
      }
    }
  }

  /** The array's header, or an argument, is over but for its line end. */
  private expectLength(skip: number): void {
    this.skip = skip;
    this.place = "length";
    this.length = 0;
  }

  private beginArgument(): void {
    this.skip = 1;
    this.place = "bytes";
    this.left = this.length;
    this.sink.begin(this.length);
    if (this.left === 0) this.endArgument();
  }

  private endArgument(): void {
    this.sink.end();
    // Its line end, and `$`.
    this.expectLength(this.skip + 3);
  }
}
