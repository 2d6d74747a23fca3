// How commands come into replication: checked, stamped, made independent of when and where they run, put into the outbox
// and replayed at home. What is answered OK is in the outbox; what is not leaves no trace.

import type { Logger } from "pino";
import type { CommandSpecification } from "../commands/specification";
import { encodeRequest } from "../resp/encoder";
import { CommandError } from "./commandArguments";
import type { Confirmations } from "./confirmations";
import type { StampedCommand } from "./envelope";
import type { EnvelopeLog } from "./envelopeLog";
import type { Figures } from "./figures";
import type { HomeReplay } from "./homeReplay";
import { type Invalidating, Invalidation } from "./invalidation";
import { attach } from "./largeCommand";
import { LARGE } from "./messages";
import { hasKin, normalise } from "./normalisation";
import type { Outbox } from "./outbox";
import type { Publisher } from "./publisher";
import { PURGE, type Purger } from "./purge";
import type { Regions } from "./regions";
import { MAX_ARGUMENTS } from "./replayScript";
import { replaySteps } from "./replaySteps";
import { commandBytes, Segment } from "./segment";
import type { Clock, Stamp } from "./stamp";
import type { Transfers } from "./transfers";
import { type Attachment, tooMuch, type Upload } from "./upload";
import { Uploads } from "./uploads";

/** What an {@link Intake} needs. */
export interface IntakeOptions {
  readonly clock: Clock;
  /** Bytes of commands that one envelope can carry. */
  readonly capacity: number;
  readonly outbox: Outbox;
  readonly outboxMaxBytes: number;
  readonly publisher: Publisher;
  readonly confirmations: Confirmations | undefined;
  readonly home: HomeReplay;
  /** Where envelopes are put down. */
  readonly envelopes: EnvelopeLog;
  readonly regions: Regions;
  readonly transfers: Transfers;
  /** Bytes that one command's large arguments may have together. */
  readonly largeCommandMaxBytes: number;
  readonly horizonMs: number;
  readonly purger: Purger;
  /** Patterns of keys that are invalidated in other regions. */
  readonly invalidate: readonly string[];
  readonly figures: Figures;
  readonly log: Logger;
}

/** What {@link Intake.accept} says; `error` is in Redis's form, without the `-`. */
export type Acceptance = { readonly ok: true } | { readonly ok: false; readonly error: string };

const accepted: Acceptance = { ok: true };
/** A full outbox is gone through again only once this part of it is new: else every refusal would cost a pass. */
const COALESCE_SHARE = 8;
/** Commands that only this region replays are let go of in pieces of this size. */
const AT_HOME_BYTES = 64 * 1024;
/** Normalising makes a command longer by so much at most. */
const NORMALISED_BYTES = 128;
/** So much waits in the outbox before clients with large commands are held back. */
const MAX_CHUNKS_BYTES = 4 * 1024 * 1024;
/** The version of envelopes that brought messages. */
const CHUNKS_VERSION = 2;

/** Why a command cannot be replayed at all, in Redis's form. */
function unreplayable({ flags }: CommandSpecification, name: string): string | undefined {
  return flags.has("noscript") && !hasKin(name) ? `ERR '${name}' cannot be replayed, send it on database 0` : undefined;
}

/** See the head of this file. */
export class Intake {
  private readonly options: IntakeOptions;
  private readonly invalidation: Invalidation | undefined;
  private readonly uploads: Uploads;
  /** Commands that no other region gets. */
  private atHome: Segment;
  private newestSegment: Segment | undefined;
  /** What has come into the outbox since it was coalesced last. */
  private addedBytes = 0;

  constructor(options: IntakeOptions) {
    const { clock, capacity, invalidate, outbox, outboxMaxBytes, transfers } = options;
    this.options = options;
    this.invalidation = invalidate.length > 0 ? new Invalidation(invalidate) : undefined;
    this.atHome = new Segment(clock.origin);
    this.uploads = new Uploads({
      capacity,
      maxBytes: options.largeCommandMaxBytes,
      maxMs: options.horizonMs,
      outbox,
      maxWaitingBytes: Math.min(MAX_CHUNKS_BYTES, outboxMaxBytes / 2),
      transfers,
      newStamp: () => clock.next(),
      send: (name, ...args) => this.send(name, ...args),
      complete: (name, args, attachment) => this.admit(name, args, attachment),
      obstacle: () => this.chunkObstacle(),
    });
  }

  /**
   * Takes a write on database 1: either it will be replayed in every region, or it is an error. What is kept of the
   * arguments is copied.
   *
   * @param command - known to the server, a write, not refused, and of this arity; a subcommand where there is one.
   * @param args - the name as the client sent it, then the rest.
   */
  accept(command: CommandSpecification, args: readonly Buffer[]): Acceptance {
    const [name = command.name] = command.name.split("|");
    if (name === PURGE) return this.purge(args);
    const refusal = unreplayable(command, name);
    const error = refusal ?? this.admit(name, args);
    if (error === undefined) return accepted;
    if (refusal !== undefined || !this.isOversized(args)) return { ok: false, error };
    const upload = this.uploads.begin(name, args.length);
    upload.write(encodeRequest(args));
    const failure = upload.finish();
    return failure === undefined ? accepted : { ok: false, error: failure };
  }

  /**
   * Takes a write on database 1 as its bytes come, however large it is.
   *
   * @param command - as for {@link Intake.accept}.
   * @param argumentCount - the name included.
   */
  upload(command: CommandSpecification, argumentCount: number): Upload {
    const [name = command.name] = command.name.split("|");
    const refusal = name === PURGE ? tooMuch(this.options.capacity) : unreplayable(command, name);
    return this.uploads.begin(name, argumentCount, refusal);
  }

  /** Sends a message, of which it copies what it keeps, to the shims of every region, this one included. What asks for it bounds the outbox. */
  send(name: string, ...args: readonly (string | Buffer)[]): Stamp {
    const stamp = this.options.clock.next();
    this.enqueue({ stamp, args: [name, ...args].map((arg) => (typeof arg === "string" ? Buffer.from(arg) : arg)) });
    return stamp;
  }

  /** The region's own copy of the message carries on where this shim fails to. */
  private purge([, pattern = Buffer.alloc(0)]: readonly Buffer[]): Acceptance {
    if (!this.options.regions.everyRegionReads(2)) {
      return { ok: false, error: `ERR ${PURGE} is not known to all regions' shims yet, upgrade them first` };
    }
    const message = { stamp: this.options.clock.next(), args: [Buffer.from(PURGE), Buffer.from(pattern)] };
    const error = this.exceeds(message) ? tooMuch(this.options.capacity) : this.fullness(commandBytes(message.args));
    if (error !== undefined) return { ok: false, error };
    this.enqueue(message);
    this.options.purger
      .run(message)
      .catch((cause) => this.options.log.warn({ err: cause }, "cannot purge now: trying again"));
    return accepted;
  }

  private invalidate(stamp: Stamp, { everywhere, home, elsewhere }: Invalidating): void {
    let own = stamp;
    if (everywhere) {
      const copied = { stamp, args: everywhere };
      this.options.home.add(this.enqueue(copied), copied);
      own = this.options.clock.next();
    }
    this.enqueue({ stamp: own, args: elsewhere });
    if (this.atHome.bytes > AT_HOME_BYTES) this.atHome = new Segment(own.origin);
    const kept = { stamp: own, args: home };
    this.atHome.append(kept);
    this.options.home.add(this.atHome, kept);
    this.options.figures.invalidated(elsewhere.length - 1);
  }

  private enqueue(command: StampedCommand): Segment {
    const segment = this.options.outbox.add(command);
    if (segment !== this.newestSegment) this.options.envelopes.begin(command.stamp);
    this.newestSegment = segment;
    this.options.confirmations?.add();
    this.addedBytes += segment.newestBytes;
    this.options.publisher.wake();
    return segment;
  }

  /** @returns why it is not accepted, in Redis's form */
  private admit(name: string, args: readonly Buffer[], attachment?: Attachment): string | undefined {
    const stamp = this.options.clock.next();
    let command: StampedCommand;
    try {
      command = { stamp, args: normalise(name, args, stamp) };
    } catch (error) {
      if (error instanceof CommandError) return error.message;
      throw error;
    }
    const parts = this.invalidation?.split(command.args);
    if (attachment) {
      const message = attach(command, attachment);
      if (typeof message === "string") return message;
      command = message;
    }
    if (this.exceeds(command)) return tooMuch(this.options.capacity);
    // What was held back until its chunks had room is not turned away in the end.
    const full = attachment ? undefined : this.fullness(commandBytes(command.args));
    if (full !== undefined) return full;
    if (!parts) this.options.home.add(this.enqueue(command), command);
    else if (!attachment) this.invalidate(stamp, parts);
    else {
      this.invalidate(stamp, { ...parts, home: command.args });
      // The other regions need its chunks no more.
      this.send(LARGE, attachment.transfer, "");
    }
    return undefined;
  }

  private chunkObstacle(): string | undefined {
    if (!this.options.regions.everyRegionReads(CHUNKS_VERSION)) {
      return `ERR command is too large for database 1 (at most ${this.options.capacity} bytes) while a region may have shims that read no chunks, upgrade them`;
    }
    return this.fullness(0);
  }

  /** Whether a command is to be taken apart, or to travel in chunks. */
  private isOversized(args: readonly Buffer[]): boolean {
    return args.length > MAX_ARGUMENTS || commandBytes(args) > this.options.capacity - NORMALISED_BYTES;
  }

  /** Whether a command is too large for an envelope, or too long for the replay. */
  private exceeds(command: StampedCommand): boolean {
    if (commandBytes(command.args) > this.options.capacity) return true;
    return command.args.length > MAX_ARGUMENTS && replaySteps(command).some(({ args }) => args.length > MAX_ARGUMENTS);
  }

  /** Why nothing can be accepted now, in Redis's form. */
  private fullness(bytes: number): string | undefined {
    const overdue = this.options.confirmations?.obstacle;
    if (overdue !== undefined) return overdue;
    const { outboxMaxBytes } = this.options;
    const full = this.options.outbox.bytes + bytes > outboxMaxBytes;
    // What is dropped for what overwrites it would count as confirmed too early.
    if (full && !this.options.confirmations && this.addedBytes > outboxMaxBytes / COALESCE_SHARE) {
      this.addedBytes = 0;
      this.options.outbox.coalesce();
    }
    if (Math.max(this.options.outbox.bytes, this.options.home.bytes) + bytes > outboxMaxBytes) {
      return `BUSY database 1 has ${outboxMaxBytes} bytes of commands waiting to be sent, try again later`;
    }
    return undefined;
  }
}
