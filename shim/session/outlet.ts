// The way out of a session: everything its client gets, in the order of its requests. At most one lane has requests of
// the session in flight, so order is kept by letting the shim's own answers trail behind the replies still to come.
import type { Socket } from "node:net";
import { writeNow } from "../sockets/directWriting";
import type { Lane, LaneEntry, ReplySink } from "../upstream/lane";

/** What an outlet tells its session. */
export interface OutletEvents {
  /** Nothing is in flight any more. */
  idle(): void;
  /** A large reply is on its way over a lane. */
  large(): void;
  /** The client reads too slowly: more than the limit waits for it. */
  overflow(waitingBytes: number): void;
}

/** More than this unread makes a lane that only this session uses pause. */
const CONGESTED_BYTES = 1024 * 1024;
const LINGER_MS = 2000;

export class Outlet implements ReplySink {
  /** Requests without a reply yet. */
  inFlight = 0;
  /** Where they are; meaningful while there are any. */
  lane: Lane | undefined;

  private tail: LaneEntry | undefined;
  private readonly output: Buffer[] = [];

  constructor(
    private readonly socket: Socket,
    private readonly limitBytes: number,
    private readonly events: OutletEvents,
  ) {
    socket.on("drain", () => this.lane?.resume());
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  get congested(): boolean {
    return this.socket.writableLength > CONGESTED_BYTES;
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
    if (this.inFlight > 0) this.tail?.trailing.push(bytes);
    else this.output.push(bytes);
  }

  reply(bytes: Buffer, completed: number): void {
    this.output.push(bytes);
    this.inFlight -= completed;
  }

  flush(): void {
    this.write();
    if (this.inFlight === 0) this.events.idle();
  }

  /** Writes what is there, in one system call where it is small. */
  write(): void {
    const { output, socket } = this;
    const first = output[0];
    if (!first || socket.destroyed) return;
    const bytes = output.length === 1 ? first : Buffer.concat(output);
    output.length = 0;
    writeNow(socket, bytes);
    if (socket.writableLength > this.limitBytes) this.events.overflow(socket.writableLength);
  }

  preferPrivate(): void {
    this.events.large();
  }

  cutOff(): void {
    this.socket.destroy();
  }

  /**
   * Writes what is left and closes. What the client still sends is read for a while and dropped, since closing over unread
   * bytes would reset the connection and take the last replies away from it.
   */
  end(): void {
    this.write();
    if (this.socket.writableEnded) return;
    this.socket.end();
    setTimeout(() => this.socket.destroy(), LINGER_MS).unref();
  }
}
