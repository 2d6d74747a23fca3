// One client, from its connection to its end: what it sends is taken command by command, everything is answered in order,
// and the connection closes once what was taken is answered.
//
// The lane-change rule: a command goes to another lane than the ones before it only after all of those were answered,
// home replays of database 1 included. A command that must wait stalls the session: what comes behind it is kept, up to a
// bound, and the same event is taken again once the session is idle. What was kept is taken by and by, while others are
// served.
import type { Socket } from "node:net";
import type { Principal } from "../commands/users";
import { parseArguments, splitInline } from "../resp/arguments";
import { encodeError, encodeRequest, type Protocol } from "../resp/encoder";
import type { RequestEvent } from "../resp/requestScanner";
import { readAccepted } from "../sockets/sharedReading";
import { unreachableText } from "../upstream/lane";
import { BACKLOG_BYTES } from "./backlog";
import { type DispatchedSession, Dispatcher } from "./dispatcher";
import { Inlet, type InletOwner } from "./inlet";
import type { LargeRequest } from "./largeRequest";
import { Outlet } from "./outlet";
import { RegionalCommands } from "./regionalCommands";
import type { SessionServices } from "./services";
import { VirtualCommands } from "./virtualCommands";

/** How long a session that is to end goes on taking commands, if it is never idle. */
const FINISH_MS = 10_000;
const unbalanced = encodeError("ERR Protocol error: unbalanced quotes in request");

export class Session implements DispatchedSession, InletOwner {
  protocol: Protocol = 2;
  database: 0 | 1 = 0;
  user: Principal | undefined;
  ended = false;

  /** The client's connection. */
  readonly socket: Socket;
  readonly inlet: Inlet;
  readonly outlet: Outlet;
  readonly virtual: VirtualCommands;
  readonly regional: RegionalCommands;

  private readonly dispatcher: Dispatcher;
  private stream: LargeRequest | undefined;
  /** The event that has to wait. */
  private waiting: RequestEvent | undefined;
  /** While an answer is fetched nothing else is taken. */
  private fetching = false;
  /** Once idle the connection closes; what has begun to arrive is still taken. */
  private finishing = false;
  /** As `finishing`, but only a command that has begun to arrive is still taken. */
  private overdue = false;
  /** Whether nothing was under way when its client had been silent last, or it has sent something since. */
  private wasIdle = true;
  /** What was postponed is about to be taken on. */
  private resuming = false;

  constructor(
    readonly id: number,
    accepted: Socket,
    private readonly services: SessionServices,
    /** Whether database 1 answers in the types that commands have, instead of OK. */
    typed: boolean,
  ) {
    this.socket = readAccepted(accepted, (bytes) => this.receive(bytes));
    const { socket } = this;
    this.inlet = new Inlet(socket, services.table, this);
    this.outlet = new Outlet(socket, services.outputLimitBytes, {
      idle: () => this.goOn(),
      large: () => this.regional.lanes.preferPrivate(),
      tooSlow: (waitingBytes) => this.overflow(waitingBytes, "reads too slowly"),
    });
    this.virtual = new VirtualCommands(this, this.outlet, services, typed);
    this.regional = new RegionalCommands(this, services);
    this.dispatcher = new Dispatcher(this, services);
    socket.on("end", () => this.onEnd());
    socket.on("error", (error) =>
      services.log.debug({ session: id, reason: error.message }, "a client's socket failed"),
    );
    socket.on("close", () => this.onClose());
  }

  /**
   * Closes the connection as soon as what the client has sent so far is answered; after a while, where there is always
   * something unanswered, without taking more.
   */
  finish(): void {
    this.finishing = true;
    this.leaveIfDone();
    setTimeout(() => {
      this.overdue = true;
      this.leaveIfDone();
    }, FINISH_MS).unref();
  }

  /** Closes the connection unless something is under way, such as a blocking command, or was when this was called last. */
  leaveIdle(): void {
    const idle = this.outlet.inFlight === 0 && this.caughtUp;
    if (idle && this.wasIdle) this.destroy();
    this.wasIdle = idle;
  }

  leave(): void {
    this.inlet.close();
  }

  /** Closes the connection at once; what was not answered stays so. */
  destroy(): void {
    this.leave();
    this.socket.destroy();
  }

  get gone(): boolean {
    return this.socket.destroyed;
  }

  get blocked(): boolean {
    return this.regional.lanes.blocked;
  }

  goOn(): void {
    if (this.waiting) this.advance();
    else this.leaveIfDone();
  }

  /** Takes on what was postponed, after the others' turn. */
  resume(): void {
    if (this.resuming || this.stalled) return;
    this.resuming = true;
    setImmediate(() => {
      this.resuming = false;
      if (!this.stalled && this.inlet.refill()) this.advance();
    });
  }

  fetch(answer: Promise<Buffer>): void {
    this.fetching = true;
    void answer
      .catch(() => encodeError(unreachableText))
      .then((bytes) => {
        this.fetching = false;
        this.outlet.answer(bytes);
        this.advance();
      });
  }

  /** Whether nothing can be taken until something else has been answered. */
  private get stalled(): boolean {
    return this.waiting !== undefined || this.fetching;
  }

  /** Whether what comes next can be taken at once. */
  private get caughtUp(): boolean {
    return !this.stalled && this.inlet.postponedBytes === 0;
  }

  private get betweenCommands(): boolean {
    return !this.stalled && !this.inlet.scanner.withinCommand;
  }

  /** Takes what came; its memory is used again afterwards. */
  private receive(bytes: Buffer): void {
    const { inlet } = this;
    if (inlet.closed) return;
    this.wasIdle = true;
    if (!this.caughtUp) {
      inlet.postpone(bytes);
      const { postponedBytes } = inlet;
      if (postponedBytes > this.services.outputLimitBytes) {
        this.overflow(postponedBytes, "sent too much behind a command that blocks");
      }
      return;
    }
    inlet.feed(bytes);
    this.advance();
    if (this.stalled) inlet.keep();
  }

  /** Takes events until all that came is used up, or one has to wait, or it is the others' turn. */
  private advance(): void {
    const { inlet } = this;
    const leftBytes = inlet.postponedBytes - BACKLOG_BYTES;
    while (!inlet.closed && !this.fetching) {
      if (this.overdue && this.betweenCommands) {
        this.regional.sendRun();
        break;
      }
      const event = this.waiting ?? inlet.scanner.next();
      this.waiting = undefined;
      if (!this.take(event)) {
        this.waiting = event;
        break;
      }
      if (event === "more") {
        if (inlet.postponedBytes < leftBytes || !inlet.refill()) break;
      } else if (inlet.held.length > 0 && event !== "large") {
        inlet.held = [];
      }
    }
    this.outlet.write();
    inlet.readOrPause();
    if (inlet.postponedBytes > 0) this.resume();
    if (this.ended) this.leaveHalfClosed();
    else if (inlet.closed || this.finishing) this.leaveIfDone();
  }

  /** @returns false where the event has to wait */
  private take(event: RequestEvent): boolean {
    const { inlet } = this;
    if (event === "command" && !this.stream) {
      const { entry } = inlet.scanner;
      if (this.user?.write && this.database === 0 && entry?.regional === "forward") return this.regional.extendRun();
    }
    if (event === "empty") return true;
    this.regional.sendRun();
    switch (event) {
      case "more":
        if (this.stream) this.writeStream(inlet.chunk.length);
        else inlet.holdRest();
        return true;
      case "command":
        return this.stream ? this.endStream(this.stream) : this.takeFrame(inlet.frame());
      case "inline":
        return this.takeInline(inlet.frame());
      case "large":
        return this.beginStream();
      case "error":
        this.abandonStream();
        this.outlet.answer(encodeError(inlet.scanner.error));
        this.leave();
        return true;
    }
  }

  private takeFrame(frame: Buffer): boolean {
    return this.dispatcher.take(this.inlet.scanner.entry, parseArguments(frame), frame);
  }

  private takeInline(line: Buffer): boolean {
    const words = splitInline(line.subarray(0, line.length - (line.at(-2) === 13 ? 2 : 1)));
    if (!words) {
      this.outlet.answer(unbalanced);
      this.leave();
      return true;
    }
    const [name] = words;
    if (!name) return true;
    return this.dispatcher.take(this.services.table.lookup(name, 0, name.length), words, encodeRequest(words));
  }

  private beginStream(): boolean {
    this.stream = this.dispatcher.takeLarge();
    if (!this.stream) return false;
    this.inlet.held = [];
    return true;
  }

  /** Passes on the chunk's part of a streaming request. */
  private writeStream(end: number): void {
    const to = this.stream?.to;
    if (!to) return;
    to.write(this.inlet.chunk.subarray(this.inlet.scanner.start, end));
    this.inlet.pauseWhileCongested(to);
  }

  private endStream(stream: LargeRequest): true {
    this.writeStream(this.inlet.scanner.end);
    stream.end();
    this.stream = undefined;
    return true;
  }

  private abandonStream(): void {
    this.stream?.abandon();
    this.stream = undefined;
  }

  private leaveIfDone(): void {
    const idle = this.outlet.inFlight === 0;
    const done = idle && this.inlet.postponedBytes === 0;
    if (this.finishing && this.betweenCommands && (done || this.overdue)) this.leave();
    if (this.inlet.closed && idle) this.outlet.end();
  }

  private overflow(waitingBytes: number, fault: string): void {
    this.services.counters.overflows++;
    this.services.log.warn({ session: this.id, waitingBytes }, `disconnected a client that ${fault}`);
    this.destroy();
  }

  private onEnd(): void {
    this.ended = true;
    this.leaveHalfClosed();
  }

  /** The client has sent all it will: what it sent is answered, but nobody waits for a blocking command any more. */
  private leaveHalfClosed(): void {
    if (this.blocked) this.destroy();
    if (this.caughtUp) this.leave();
    this.leaveIfDone();
  }

  private onClose(): void {
    this.waiting = undefined;
    this.inlet.close();
    this.outlet.onClose();
    this.abandonStream();
    this.regional.lanes.release();
  }
}
