// Gathers what is written in one turn of the event loop: one write is one system call, and that is what a small request
// costs most.
import type { Socket } from "node:net";
import { DirectWriter } from "./directWriting";

/** Bytes are gathered up to this size. */
const OUTPUT_BYTES = 64 * 1024;

/** Those that have gathered something in this turn. */
let gathering: GatheredWriter[] = [];

/** Ends a turn: all write before anybody is told. */
function flushAll(): void {
  const writers = gathering;
  gathering = [];
  for (const writer of writers) writer.flush();
  for (const { flushed } of writers) flushed();
}

/** One socket's way out. */
export class GatheredWriter {
  private readonly writer: DirectWriter;
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private gathered = 0;
  private waits = false;

  /** @param flushed - told at the end of a turn in which something was written. */
  constructor(
    socket: Socket,
    readonly flushed: () => void = () => {},
  ) {
    this.writer = new DirectWriter(socket);
  }

  /** Puts bytes into the next write; their memory may be used again at once. */
  write(bytes: Buffer): void {
    const { output } = this;
    if (bytes.length > output.length - this.gathered) this.writeOut();
    if (bytes.length > output.length) {
      this.writer.write(bytes);
      return;
    }
    output.set(bytes, this.gathered);
    this.gathered += bytes.length;
    if (this.waits) return;
    this.waits = true;
    if (gathering.push(this) === 1) setImmediate(flushAll);
  }

  /** Forgets what was gathered. */
  clear(): void {
    this.gathered = 0;
  }

  /** Writes what was gathered in this turn. */
  flush(): void {
    this.waits = false;
    this.writeOut();
  }

  private writeOut(): void {
    const { gathered } = this;
    this.gathered = 0;
    if (gathered > 0) this.writer.write(this.output, 0, gathered);
  }
}
