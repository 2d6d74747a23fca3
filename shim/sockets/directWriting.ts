// Writes to a socket at once, without a trace in the stream unless the kernel takes less than all: so the memory that holds
// the bytes can be used again when the call returns. Node.js tells a socket's descriptor in private alone; where it does
// not, and with TLS, everything is copied and written as usual.
import { writeSync } from "node:fs";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** What Node.js has behind a socket that is neither closed nor closing. */
interface Handle {
  readonly fd?: number;
  readonly writeQueueSize?: number;
}

/** One socket's way out. */
export class DirectWriter {
  private readonly inside: { readonly _handle: Handle | null | undefined };
  private readonly direct: boolean;
  /** Whose descriptor is known: asking costs as much as a good part of a write. */
  private handle: Handle | null | undefined;
  private descriptor = -1;

  constructor(private readonly socket: Socket) {
    this.inside = socket as unknown as { _handle: Handle | null };
    this.direct = !(socket instanceof TLSSocket);
  }

  /** Bytes of the write under way that the kernel has not taken yet, which `writableLength` counts until all are; 0 if unknown. */
  get pendingBytes(): number {
    return this.inside._handle?.writeQueueSize ?? 0;
  }

  /**
   * Writes bytes between two offsets; what the kernel does not take at once is copied and follows as soon as it does.
   *
   * @returns whether the kernel has taken all of it, so that nothing waits
   */
  write(bytes: Buffer, start = 0, end = bytes.length): boolean {
    const { socket } = this;
    const written = this.direct && socket.writableLength === 0 ? this.tryWrite(bytes, start, end) : 0;
    if (written === end - start) return true;
    socket.write(Buffer.from(bytes.subarray(start + written, end)));
    return false;
  }

  private tryWrite(bytes: Buffer, start: number, end: number): number {
    const { _handle: handle } = this.inside;
    if (handle !== this.handle || this.descriptor < 0) {
      this.handle = handle;
      this.descriptor = handle?.fd ?? -1;
    }
    if (this.descriptor < 0) return 0;
    try {
      return writeSync(this.descriptor, bytes, start, end - start);
    } catch {
      // The kernel takes nothing now, or the connection is broken: the stream will find out which.
      return 0;
    }
  }
}
