// Large buffers that are used again. A buffer is freed only when garbage is collected, for which V8 waits until it has tens
// of megabytes of them: whoever needs a new one for every chunk of a large command makes the process that much larger.

/** Buffers smaller than so many bytes are not worth keeping. */
export const LARGE_BUFFER_BYTES = 64 * 1024;

/** See the head of this file. */
export class BufferPool {
  private readonly free: Buffer[] = [];

  /** @param kept - how many it keeps while nobody uses them. */
  constructor(private readonly kept: number) {}

  /** At least so many bytes, with whatever is in them. Nobody is hurt where they are never given back. */
  take(bytes: number): Buffer {
    const buffer = this.free.pop();
    return buffer && buffer.length >= bytes ? buffer : Buffer.allocUnsafeSlow(bytes);
  }

  /** What {@link take} gave, and nobody uses any more. */
  give(buffer: Buffer): void {
    if (buffer.length >= LARGE_BUFFER_BYTES && this.free.length < this.kept) this.free.push(buffer);
  }
}

/** One buffer for what is needed within a call only. */
export class Scratch {
  private buffer = Buffer.alloc(0);

  /** So many bytes, with whatever is in them, until this is called again. */
  take(bytes: number): Buffer {
    if (this.buffer.length < bytes) this.buffer = Buffer.allocUnsafeSlow(bytes);
    return this.buffer.subarray(0, bytes);
  }

  /** Copies of some buffers, one behind the other, until this is called again. */
  join(...parts: readonly Buffer[]): Buffer {
    const joined = this.take(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) at += part.copy(joined, at);
    return joined;
  }
}

/**
 * Asks V8, every so many bytes, to look for garbage. By itself it does so when buffers have grown by 64 MB, of which most
 * may be dead. A buffer of that size lets it begin: beside other work, as usual, and without taking up memory, since nobody
 * touches the buffer.
 */
export class GarbageHint {
  private sinceBytes = 0;

  constructor(private readonly everyBytes: number) {}

  /** So many more bytes went through buffers that are garbage soon. */
  passed(bytes: number): void {
    this.sinceBytes += bytes;
    if (this.sinceBytes < this.everyBytes) return;
    this.sinceBytes = 0;
    try {
      new ArrayBuffer(64 * 1024 * 1024);
    } catch {
      // It is a hint: where not even addresses are left for it, garbage is collected without.
    }
  }
}
