// What all large commands of a shim share on their way out: chunks go into the outbox and, at once, to the region's own
// server; what waits for either is bounded by holding the clients back.

import { BufferPool } from "../buffers";
import { CHUNK, LARGE } from "./messages";
import type { Outbox } from "./outbox";
import { type Stamp, stampText } from "./stamp";
import type { Transfers } from "./transfers";
import { type Attachment, Upload, type UploadTarget } from "./upload";

/** What an {@link Uploads} needs. */
export interface UploadsOptions {
  readonly capacity: number;
  readonly maxBytes: number;
  readonly maxMs: number;
  readonly outbox: Outbox;
  /** No client sends on while more than this waits. */
  readonly maxWaitingBytes: number;
  readonly transfers: Transfers;
  readonly newStamp: () => Stamp;
  /** Sends a message to every region; copies what it keeps. */
  readonly send: (name: string, ...args: readonly (string | Buffer)[]) => void;
  readonly complete: (name: string, args: readonly Buffer[], attachment: Attachment | undefined) => string | undefined;
  /** Why nothing can travel in chunks now, in Redis's form. */
  readonly obstacle: () => string | undefined;
}

/** See the head of this file. */
export class Uploads implements UploadTarget {
  private readonly chunks: BufferPool;
  private storingBytes = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly options: UploadsOptions) {
    this.chunks = new BufferPool(Math.ceil(options.maxWaitingBytes / options.capacity));
  }

  begin(name: string, argumentCount: number, error?: string): Upload {
    return new Upload(name, argumentCount, this, error);
  }

  get capacity(): number {
    return this.options.capacity;
  }

  get maxBytes(): number {
    return this.options.maxBytes;
  }

  get maxMs(): number {
    return this.options.maxMs;
  }

  get obstacle(): string | undefined {
    return this.options.obstacle();
  }

  get congested(): boolean {
    const { outbox, maxWaitingBytes } = this.options;
    return Math.max(this.storingBytes, outbox.bytes) > maxWaitingBytes;
  }

  onceDrained(callback: () => void): void {
    const { outbox, maxWaitingBytes } = this.options;
    const look = () => (this.congested ? this.onceDrained(callback) : callback());
    if (this.storingBytes > maxWaitingBytes) this.waiting.push(look);
    else outbox.onceWithin(maxWaitingBytes, look);
  }

  newTransfer(): string {
    return stampText(this.options.newStamp());
  }

  takeChunk(): Buffer {
    return this.chunks.take(this.capacity);
  }

  giveChunk(chunk: Buffer): void {
    this.chunks.give(chunk);
  }

  sendChunk(transfer: string, offset: number, chunk: Buffer, bytes: number): void {
    const sent = chunk.subarray(0, bytes);
    this.options.send(CHUNK, transfer, String(offset), sent);
    this.storingBytes += bytes;
    void this.options.transfers
      .store(transfer, offset, sent)
      // It comes again over the bus.
      .catch(() => {})
      .finally(() => {
        this.giveChunk(chunk);
        this.storingBytes -= bytes;
        for (const proceed of this.waiting.splice(0)) proceed();
      });
  }

  discard(transfer: string): void {
    this.options.send(LARGE, transfer, "");
    // That message, too, comes over the bus.
    void this.options.transfers.discard(transfer).catch(() => {});
  }

  complete(name: string, args: readonly Buffer[], attachment: Attachment | undefined): string | undefined {
    return this.options.complete(name, args, attachment);
  }
}
