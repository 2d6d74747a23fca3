// One large command on its way from its client to the regions. What arrives leaves as soon as it fills an envelope, so an
// envelope's worth is held at most: large arguments, or all behind the key where they could be many commands, as chunks;
// a command on many keys as several commands. What the client does not send to its end has no effect, but for whole parts
// of the latter.

import { wrongArity } from "../commands/form";
import type { Word } from "../commands/typedValues";
import { ArgumentReader, type ArgumentSink } from "../resp/argumentReader";
import { encodeBulk } from "../resp/encoder";
import type { Tail } from "./largeCommand";
import { MAX_ARGUMENTS } from "./replayScript";
import { type Split, splitOf } from "./splitting";

/** What of a command is in a transfer: some arguments, one behind the other, or its tail. */
export interface Attachment {
  readonly transfer: string;
  /** What stands for each of the arguments in the command, and how large it is. */
  readonly sizes: ReadonlyMap<Buffer, number>;
  readonly tail?: Tail | undefined;
}

/** What an {@link Upload} asks of replication. */
export interface UploadTarget {
  /** Bytes of commands that one envelope can carry. */
  readonly capacity: number;
  /** Bytes that one command's large arguments may have together. */
  readonly maxBytes: number;
  /** How long one command may take to arrive. */
  readonly maxMs: number;
  /** Whether so much waits for the bus or the cluster that no more should come. */
  readonly congested: boolean;
  /** Why nothing can travel in chunks now, in Redis's form. */
  readonly obstacle: string | undefined;
  /** Calls back once that is over. */
  onceDrained(callback: () => void): void;
  /** A name for what is about to come in chunks. */
  newTransfer(): string;
  /** A buffer of {@link capacity} bytes for the next chunk. */
  takeChunk(): Buffer;
  /** Takes back one that will not be sent. */
  giveChunk(chunk: Buffer): void;
  /** Sends the first bytes of a buffer that {@link takeChunk} gave. */
  sendChunk(transfer: string, offset: number, chunk: Buffer, bytes: number): void;
  /** Forgets the chunks of a command that will never be complete. */
  discard(transfer: string): void;
  /** Accepts a command. @returns why it cannot, in Redis's form */
  complete(name: string, args: readonly Buffer[], attachment: Attachment | undefined): string | undefined;
}

/** Room for what an envelope has of a command beside its arguments, and for the length of each. */
const RESERVED_BYTES = 512;
const LENGTH_BYTES = 5;
const LINE_END = Buffer.from("\r\n");
/** All options that {@link splitOf} knows are that long. */
const OPTION_BYTES = 2;
/** Smaller arguments of a command that cannot be taken apart stay with it. */
const SMALL_BYTES = 1024;
/** No reply depends on what more arguments than so many say, but for that to BITFIELD. */
const OUTLINED = 16;
const nothing = Buffer.alloc(0);
/** How long a client is held back before it is told that the bus takes nothing. */
const PATIENCE_MS = 10_000;

/** A transfer under way. */
interface Transfer {
  readonly name: string;
  readonly sizes: Map<Buffer, number>;
  readonly startedMs: number;
  /** Bytes that were announced, and those that were sent. */
  bytes: number;
  sentBytes: number;
}

/** See the head of this file. */
export class Upload implements ArgumentSink {
  private readonly split: Split | undefined;
  private readonly reader = new ArgumentReader(this);
  /** The first few arguments, which tell what the command answers. */
  private readonly first: Word[] = [];
  /** Small arguments: all of them, or those that each part or slice begins with. */
  private readonly lead: Buffer[] = [];
  /** Groups of arguments for the next part, the last of them perhaps not whole. */
  private groups: Buffer[] = [];
  private wholeGroups = 0;
  private heldBytes = RESERVED_BYTES;
  /** The argument that is arriving, or what stands for it. */
  private argument = nothing;
  private argumentEnd = 0;
  private transfer: Transfer | undefined;
  /** Arguments in the transfer as they came; absent until the first one. */
  private tailCount: number | undefined;
  /** What of the transfer is not sent yet. */
  private chunk: Buffer | undefined;
  private chunkEnd = 0;
  private parts = 0;

  /**
   * @param name - in upper case.
   * @param argumentCount - the name included; the command may have so many.
   * @param error - why it is not accepted, where that is known already, in Redis's form.
   */
  constructor(
    private readonly name: string,
    private readonly argumentCount: number,
    private readonly target: UploadTarget,
    private error?: string,
  ) {
    this.split = splitOf(name, argumentCount);
    if (this.split?.apart && (argumentCount - this.split.lead) % this.split.group !== 0)
      this.error ??= wrongArity(name);
  }

  /** Takes the next bytes of the request. What is kept of them is copied. */
  write(bytes: Buffer): void {
    if (this.error === undefined) this.reader.feed(bytes);
  }

  get congested(): boolean {
    return this.error === undefined && this.target.congested;
  }

  /** Calls back once no longer congested. Where that takes too long, the command fails. */
  onceDrained(callback: () => void): void {
    let over = false;
    const finish = (): void => {
      if (!over) callback();
      over = true;
      clearTimeout(patience);
    };
    const patience = setTimeout(() => {
      this.fail(`BUSY SNS or the cluster has taken nothing for ${PATIENCE_MS} ms, try again later`);
      finish();
    }, PATIENCE_MS);
    this.target.onceDrained(finish);
  }

  /** The request is complete. @returns why it was not accepted, in Redis's form */
  finish(): string | undefined {
    if (this.error === undefined && (this.groups.length > 0 || !this.split?.apart)) this.complete();
    return this.error;
  }

  /** As many arguments as the command has: of the first ones their lengths, and the small ones as they are. */
  outline(): readonly Word[] {
    return Array.from({ length: this.argumentCount }, (_, index) => this.first[index] ?? nothing);
  }

  /** The rest will never come. */
  abandon(): void {
    this.fail("ERR the command was not sent to its end");
  }

  begin(length: number): void {
    if (this.error !== undefined) return;
    const mayBeOption = length === OPTION_BYTES && this.split !== undefined && this.split.options.size > 0;
    if (this.leadIsWhole && this.split?.apart === false && !mayBeOption) this.openTail();
    if (this.tailCount !== undefined) {
      this.announce(length);
      this.append(Buffer.from(`$${length}\r\n`));
      return;
    }
    if (!this.fits(length) && this.wholeGroups > 0) this.complete();
    if (this.fits(length) && (this.split || length < SMALL_BYTES)) {
      this.heldBytes += length + LENGTH_BYTES;
      this.argument = Buffer.allocUnsafe(length);
      this.argumentEnd = 0;
    } else if (length < SMALL_BYTES && !this.split) {
      this.fail(tooMuch(this.target.capacity));
    } else {
      this.announce(length);
      this.argument = Buffer.alloc(0);
      this.transfer?.sizes.set(this.argument, length);
    }
  }

  bytes(slice: Buffer): void {
    if (this.error !== undefined) return;
    if (this.tailCount !== undefined || this.transfer?.sizes.has(this.argument)) this.append(slice);
    else this.argumentEnd += slice.copy(this.argument, this.argumentEnd);
  }

  end(): void {
    if (this.error !== undefined) return;
    const { split, argument } = this;
    if (this.tailCount !== undefined) {
      this.append(LINE_END);
      this.tailCount += 1;
      return;
    }
    if (this.first.length < OUTLINED) {
      const length = this.transfer?.sizes.get(argument) ?? argument.length;
      this.first.push(length < SMALL_BYTES ? argument : { length, toString: () => "" });
    }
    if (!split || !this.leadIsWhole) {
      this.lead.push(argument);
    } else if (split.apart) {
      this.groups.push(argument);
      this.wholeGroups = Math.floor(this.groups.length / split.group);
      if (this.groups.length % split.group === 0 && this.transfer) this.complete();
    } else if (split.options.has(argument.toString("latin1").toUpperCase())) {
      this.lead.push(argument);
    } else {
      // No option after all, but the first of the tail.
      this.openTail();
      this.announce(argument.length);
      this.append(encodeBulk(argument));
      this.tailCount = 1;
    }
  }

  private get leadIsWhole(): boolean {
    return this.split !== undefined && this.lead.length >= this.split.lead;
  }

  private fits(length: number): boolean {
    const count = this.lead.length + this.groups.length;
    return count < MAX_ARGUMENTS && this.heldBytes + length + LENGTH_BYTES <= this.target.capacity;
  }

  /** From here on all arguments travel as they come. */
  private openTail(): void {
    const { split, lead, transfer } = this;
    if (!split || this.tailCount !== undefined) return;
    const [keyBytes] = transfer?.sizes.values() ?? [];
    if (keyBytes !== undefined) this.fail(keyTooLarge(keyBytes));
    if ((this.argumentCount - lead.length) % split.group !== 0) {
      this.fail(split.options.size > 0 ? "ERR syntax error" : wrongArity(this.name));
    }
    this.tailCount = 0;
  }

  /** So much more will be in the transfer. */
  private announce(bytes: number): void {
    const { maxBytes, obstacle } = this.target;
    if (!this.transfer && obstacle !== undefined) this.fail(obstacle);
    if (this.error !== undefined) return;
    this.transfer ??= {
      name: this.target.newTransfer(),
      sizes: new Map(),
      startedMs: performance.now(),
      bytes: 0,
      sentBytes: 0,
    };
    this.transfer.bytes += bytes;
    if (this.transfer.bytes <= maxBytes) return;
    this.fail(
      `ERR ${this.transfer.bytes} bytes are too large for a command on database 1 (at most ${maxBytes}), split it`,
    );
  }

  private append(bytes: Buffer): void {
    if (this.error !== undefined) return;
    const full = this.target.capacity - RESERVED_BYTES;
    for (let at = 0; at < bytes.length; ) {
      this.chunk ??= this.target.takeChunk();
      const copied = bytes.copy(this.chunk, this.chunkEnd, at, at + full - this.chunkEnd);
      at += copied;
      this.chunkEnd += copied;
      if (this.chunkEnd === full) this.sendChunk();
    }
  }

  private sendChunk(): void {
    const { transfer, chunk, chunkEnd } = this;
    if (!transfer || !chunk) return;
    this.target.sendChunk(transfer.name, transfer.sentBytes, chunk, chunkEnd);
    transfer.sentBytes += chunkEnd;
    this.chunk = undefined;
    this.chunkEnd = 0;
  }

  /** All of the command, or of its next part, is there. */
  private complete(): void {
    this.sendChunk();
    const { transfer, tailCount, split, lead } = this;
    const { maxMs } = this.target;
    if (transfer && performance.now() - transfer.startedMs > maxMs) {
      this.fail(`ERR the command took more than ${maxMs} ms to arrive, its beginning is not kept for longer`);
      return;
    }
    const groups = this.groups.splice(0, this.wholeGroups * (split?.group ?? 1));
    const tail = tailCount === undefined || !transfer ? undefined : { count: tailCount, bytes: transfer.sentBytes };
    const attachment = transfer && { transfer: transfer.name, sizes: transfer.sizes, tail };
    const error = this.target.complete(this.name, [...lead, ...groups], attachment);
    if (error !== undefined) {
      this.fail(error);
      return;
    }
    this.parts += 1;
    this.transfer = undefined;
    this.wholeGroups = 0;
    this.heldBytes = [...lead, ...this.groups].reduce((sum, { length }) => sum + length + LENGTH_BYTES, RESERVED_BYTES);
  }

  private fail(error: string): void {
    this.error ??= this.parts === 0 ? error : `${error} (a part of the command has been accepted)`;
    if (this.transfer) this.target.discard(this.transfer.name);
    this.transfer = undefined;
    if (this.chunk) this.target.giveChunk(this.chunk);
    this.chunk = undefined;
    this.groups = [];
  }
}

/** Why a command cannot be replayed whose small arguments alone fill an envelope, in Redis's form. */
export function tooMuch(capacity: number): string {
  return `ERR command is too large for database 1 (at most ${MAX_ARGUMENTS} arguments, and ${capacity} bytes in small ones), split it`;
}

/** Why a key cannot be replayed, in Redis's form. */
export function keyTooLarge(bytes: number): string {
  return `ERR a key of ${bytes} bytes is too large for database 1, choose a shorter one`;
}
