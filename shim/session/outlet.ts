// The way out of a session: everything its client gets, in the order of its requests. At most one lane has requests of
// the session in flight, or else answers of the shim's own are held back, so order is kept by letting what the shim
// answers meanwhile trail behind them.
import type { Socket } from "node:net";
import { DirectWriter } from "../sockets/directWriting";
import type { Lane } from "../upstream/lane";
import { type ReplyEntry, type ReplySink, type Trailed, trail } from "../upstream/replyQueue";
import { endGently } from "./farewell";

/** What an outlet tells its session. */
export interface OutletEvents {
  /** Nothing is in flight any more. */
  idle(): void;
  /** A large reply is on its way over a lane. */
  large(): void;
  /** The client reads too slowly: more than the limit waits for it, or it has taken nothing for too long. */
  tooSlow(waitingBytes: number): void;
}

/** How long a client may take nothing of what waits for it; looked at once in this time. */
const STALL_MS = 60_000;
/** More answers of the shim's own than this do not wait behind what is in flight. */
const TRAILING_BYTES = 1024 * 1024;
/** What an answer takes in memory beside its bytes, roughly. */
const ANSWER_BYTES = 128;

/** An answer that is given once the bus has confirmed so many commands. */
interface HeldAnswer extends Trailed {
  readonly sequence: number;
  readonly answer: Buffer;
}

export class Outlet implements ReplySink {
  /** Requests without a reply yet, those included whose answer is held. */
  inFlight = 0;
  entries = 0;
  /** Where they are; meaningful while there are any. */
  lane: Lane | undefined;

  private tail: ReplyEntry | undefined;
  private readonly writer: DirectWriter;
  /** What is to be written, between two offsets: nearly always one piece. */
  private output: Buffer | undefined;
  private outputStart = 0;
  private outputEnd = 0;
  /** The pieces that follow it. */
  private rest: Buffer[] | undefined;
  private held: HeldAnswer[] = [];
  /** Memory of the answers that have come to trail since the session was last idle. */
  private trailingBytes = 0;
  /** All that was ever written. */
  private writtenBytes = 0;
  private watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly limitBytes: number,
    private readonly events: OutletEvents,
  ) {
    this.writer = new DirectWriter(socket);
    socket.on("drain", () => this.lane?.resume());
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  /** Whether answers are held back: then nothing is in flight on any lane. */
  get holding(): boolean {
    return this.held.length > 0;
  }

  /** Whether so many answers trail behind what is in flight that nothing should be answered until all of it is. */
  get full(): boolean {
    return this.trailingBytes > TRAILING_BYTES;
  }

  get congested(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Sends requests; the caller has made sure that nothing is in flight on another lane. */
  send(lane: Lane, count: number, requests: readonly Buffer[]): void {
    this.lane = lane;
    this.tail = lane.expect(this, count);
    this.inFlight += count;
    for (const bytes of requests) lane.write(bytes);
  }

  /** Expects no reply any more to what was sent last; its lane is about to be destroyed. */
  forget(): void {
    if (this.tail) this.tail.count = 0;
    this.inFlight = 0;
  }

  /** Puts in an answer of the shim's own. */
  answer(bytes: Buffer): void {
    if (this.inFlight === 0) {
      this.put(bytes);
      return;
    }
    const before = this.held.at(-1) ?? this.tail;
    if (before) trail(before, bytes);
    this.trailingBytes += bytes.length + ANSWER_BYTES;
  }

  /**
   * Holds an answer back until commands up to `sequence` are confirmed; the caller has made sure that nothing is in flight
   * on a lane, and calls {@link release}.
   */
  hold(sequence: number, answer: Buffer): void {
    this.held.push({ sequence, answer, trailing: undefined });
    this.inFlight++;
  }

  /** The first confirmation that is waited for. */
  get heldSince(): number | undefined {
    return this.held[0]?.sequence;
  }

  /** Gives the answers held up to `confirmed`; the others too, as `failure`, where they are not to be waited for. */
  release(confirmed: number, failure?: Buffer): void {
    const kept = failure ? [] : this.held.filter(({ sequence }) => sequence > confirmed);
    const given = this.held.slice(0, this.held.length - kept.length);
    this.held = kept;
    this.inFlight = kept.length;
    for (const { sequence, answer, trailing } of given) {
      this.put(sequence > confirmed && failure ? failure : answer);
      for (const bytes of trailing ?? []) this.put(bytes);
    }
    this.flush();
  }

  reply(chunk: Buffer, start: number, end: number, completed: number): void {
    this.put(chunk, start, end);
    this.inFlight -= completed;
  }

  flush(): void {
    this.write();
    if (this.inFlight > 0) return;
    this.trailingBytes = 0;
    this.events.idle();
  }

  /** Writes what is there, in one system call where it is small. */
  write(): void {
    const { output, outputStart: start, outputEnd: end, rest, socket } = this;
    if (!output || socket.destroyed) return;
    this.output = undefined;
    this.rest = undefined;
    const bytes = rest && Buffer.concat([output.subarray(start, end), ...rest]);
    this.writtenBytes += bytes ? bytes.length : end - start;
    if (bytes ? this.writer.write(bytes) : this.writer.write(output, start, end)) return;
    if (socket.writableLength === 0) return;
    if (socket.writableLength > this.limitBytes) this.events.tooSlow(socket.writableLength);
    else if (!this.watch) this.watchReader();
  }

  private put(bytes: Buffer, start = 0, end = bytes.length): void {
    if (!this.output) {
      this.output = bytes;
      this.outputStart = start;
      this.outputEnd = end;
    } else if (this.rest) {
      this.rest.push(bytes.subarray(start, end));
    } else {
      this.rest = [bytes.subarray(start, end)];
    }
  }

  /** A client that stops reading would otherwise hold its lane, and its replies in the cluster's memory, for ever. */
  private watchReader(): void {
    const { socket } = this;
    const { pendingBytes } = this.writer;
    const takenBytes = this.writtenBytes - socket.writableLength;
    this.watch = setTimeout(() => {
      this.watch = undefined;
      if (socket.destroyed || socket.writableLength === 0) return;
      const stalled =
        pendingBytes === this.writer.pendingBytes && takenBytes === this.writtenBytes - socket.writableLength;
      if (stalled) this.events.tooSlow(socket.writableLength);
      else this.watchReader();
    }, STALL_MS).unref();
  }

  /** The connection is closed: a lane that waited for its reader waits no more. */
  onClose(): void {
    clearTimeout(this.watch);
    this.lane?.forsake(this);
  }

  preferPrivate(): void {
    this.events.large();
  }

  cutOff(): void {
    this.socket.destroy();
  }

  /** Writes what is left and closes. */
  end(): void {
    this.write();
    endGently(this.socket);
  }
}
