// Gathers what is written in one turn of the event loop: one write is one system call, and that is what a small request
// costs most.
import type { Socket } from "node:net";
import { DirectWriter } from "./directWriting";

/** Bytes are gathered up to this size. */
const OUTPUT_BYTES = 64 * 1024;

/** One socket's way out. */
export class GatheredWriter {
  private readonly writer: DirectWriter;
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private gathered = 0;
  private flushing = false;

  /** @param flushed - told at the end of a turn in which something was written. */
  constructor(
    socket: Socket,
    private readonly flushed: () => void = () => {},
  ) {
    this.writer = new DirectWriter(socket);
  }

  /** Puts bytes into the next write; their memory may be used again at once. */
  write(bytes: Buffer): void {
    const { output } = this;
    if (bytes.length > output.length - this.gathered) this.flush();
    if (bytes.length > output.length) {
      this.writer.write(bytes);
      return;
    }
    this.gathered += bytes.copy(output, this.gathered);
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.flush();
      this.flushed();
    });
  }

  /** Forgets what was gathered. */
  clear(): void {
    this.gathered = 0;
  }

  private flush(): void {
    const bytes = this.output.subarray(0, this.gathered);
    this.gathered = 0;
    if (bytes.length > 0) this.writer.write(bytes);
  }
}
