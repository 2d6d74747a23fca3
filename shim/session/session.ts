// One client: its bytes are scanned, every command goes where its rule says, and everything is answered in order.
//
// The lane-change rule: a command goes to another lane than the ones before it only after all of those were answered,
// home replays of database 1 included. A command that must wait stalls the session: what comes behind it is kept, up to a
// bound, and the same event is taken again once the session is idle.
import type { Socket } from "node:net";
import type { CommandEntry } from "../commands/commandTable";
import { calledCommand, unknownCommand } from "../commands/form";
import { blockingMs, type Inspection, inspect } from "../commands/inspection";
import { answerLocally, type LocalSession, namesClient, openCommands } from "../commands/local";
import { refusalText } from "../commands/policy";
import type { CommandSpecification } from "../commands/specification";
import { type Principal, prohibition } from "../commands/users";
import { parseArguments, splitInline } from "../resp/arguments";
import { encodeError, encodeRequest, encodeSimple, type Protocol } from "../resp/encoder";
import { type RequestEvent, RequestScanner } from "../resp/requestScanner";
import { readAccepted } from "../sockets/sharedReading";
import type { Lane } from "../upstream/lane";
import { unreachableText } from "../upstream/lanePool";
import { Backlog } from "./backlog";
import { LaneChoice } from "./laneChoice";
import {
  answered,
  answerLarge,
  type Destination,
  LARGE_REQUEST_BYTES,
  type LargeRequest,
  toLane,
} from "./largeRequest";
import { Outlet } from "./outlet";
import type { SessionServices } from "./services";
import { VirtualCommands } from "./virtualCommands";

/** How long a session that is to end goes on taking commands, if it is never idle. */
const FINISH_MS = 10_000;
const ok = encodeSimple("OK");
const noAuth = encodeError("NOAUTH Authentication required.");
const unbalanced = encodeError("ERR Protocol error: unbalanced quotes in request");

export class Session implements LocalSession {
  protocol: Protocol = 2;
  database: 0 | 1 = 0;
  user: Principal | undefined;

  /** The client's connection. */
  readonly socket: Socket;

  private readonly scanner: RequestScanner<CommandEntry>;
  private readonly outlet: Outlet;
  private readonly lanes: LaneChoice;
  private readonly virtual: VirtualCommands;
  private chunk: Buffer = Buffer.alloc(0);
  /** Earlier chunks' bytes of the command under way. */
  private held: Buffer[] = [];
  /** What came while something had to wait. */
  private readonly backlog = new Backlog();
  /** Commands in a row that go to one shared lane in one piece. */
  private run: { lane: Lane; head: Buffer[]; start: number; end: number; count: number } | undefined;
  private stream: LargeRequest | undefined;
  /** The event that has to wait. */
  private waiting: RequestEvent | undefined;
  /** The lane takes less than the client sends. */
  private congested = false;
  /** While an answer is fetched nothing else is taken. */
  private fetching = false;
  /** No more is taken; once idle the connection closes. */
  private leaving = false;
  /** As `leaving`, but what has begun to arrive is still taken. */
  private finishing = false;
  /** As `finishing`, but only a command that has begun to arrive is still taken. */
  private overdue = false;
  /** The client has closed its half. */
  private ended = false;

  constructor(
    readonly id: number,
    accepted: Socket,
    private readonly services: SessionServices,
    /** Whether database 1 answers in the types that commands have, instead of OK. */
    typed: boolean,
  ) {
    this.scanner = new RequestScanner(services.table);
    this.socket = readAccepted(accepted, (bytes) => this.receive(bytes));
    const { socket } = this;
    this.outlet = new Outlet(socket, services.outputLimitBytes, {
      idle: () => this.onIdle(),
      large: () => this.lanes.preferPrivate(),
      tooSlow: (waitingBytes) => this.onTooSlow(waitingBytes),
    });
    this.lanes = new LaneChoice(services.pool, this.outlet);
    this.virtual = new VirtualCommands(this, this.outlet, services, typed);
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

  /** Closes the connection unless something is under way, such as a blocking command. */
  leaveIdle(): void {
    if (this.outlet.inFlight === 0 && !this.stalled) this.destroy();
  }

  /** Closes the connection at once; what was not answered stays so. */
  destroy(): void {
    this.leaving = true;
    this.socket.destroy();
  }

  /** Whether nothing can be taken until something else has been answered. */
  private get stalled(): boolean {
    return this.waiting !== undefined || this.fetching;
  }

  /** Takes what came; its memory is used again afterwards. */
  private receive(bytes: Buffer): void {
    if (this.leaving) return;
    if (this.stalled) {
      this.backlog.add(bytes);
      this.readOrPause();
      return;
    }
    this.feed(bytes);
    this.advance();
    if (this.stalled) this.chunk = this.scanner.keep();
  }

  private feed(bytes: Buffer): void {
    this.chunk = bytes;
    this.scanner.feed(bytes);
  }

  /** Takes events until all that came is used up or one has to wait. */
  private advance(): void {
    while (!this.leaving && !this.fetching) {
      if (this.overdue && this.betweenCommands) {
        this.sendRun();
        break;
      }
      const event = this.waiting ?? this.scanner.next();
      this.waiting = undefined;
      if (!this.take(event)) {
        this.waiting = event;
        break;
      }
      if (event === "more") {
        const next = this.backlog.take();
        if (!next) break;
        this.feed(next);
      } else if (this.held.length > 0 && event !== "large") {
        this.held = [];
      }
    }
    this.outlet.write();
    this.readOrPause();
    if (this.ended) this.leaveHalfClosed();
    else if (this.leaving || this.finishing) this.leaveIfDone();
  }

  /** @returns false where the event has to wait */
  private take(event: RequestEvent): boolean {
    if (event === "command" && !this.stream) {
      const { entry } = this.scanner;
      if (this.user?.write && this.database === 0 && entry?.regional === "forward") return this.extendRun();
    }
    if (event === "empty") return true;
    this.sendRun();
    switch (event) {
      case "more":
        this.keepRest();
        return true;
      case "command":
        if (this.stream) {
          this.writeStream(this.scanner.end);
          this.stream.end();
          this.stream = undefined;
          return true;
        }
        return this.takeFrame(this.frame());
      case "inline":
        return this.takeInline(this.frame());
      case "large":
        return this.takeLarge();
      case "error":
        this.abandonStream();
        this.leave(encodeError(this.scanner.error));
        return true;
    }
  }

  /** Adds a command to the run; its bytes are not touched. */
  private extendRun(): boolean {
    const { scanner, run } = this;
    if (run) {
      run.count++;
      run.end = scanner.end;
      return true;
    }
    const lane = this.outlet.full ? undefined : this.chooseLane();
    if (lane === undefined) return false;
    if (typeof lane === "string") this.answerError(lane);
    else this.run = { lane, head: this.held, start: scanner.start, end: scanner.end, count: 1 };
    return true;
  }

  private sendRun(): void {
    const { run } = this;
    if (!run) return;
    this.run = undefined;
    this.services.counters.forwarded += run.count;
    const bytes = this.chunk.subarray(run.start, run.end);
    this.send(run.lane, run.count, run.head.length > 0 ? [...run.head, bytes] : [bytes]);
  }

  private send(lane: Lane, count: number, requests: readonly Buffer[], blocksMs = 0): void {
    lane.blocksMs = this.outlet.inFlight > 0 ? Math.max(lane.blocksMs, blocksMs) : blocksMs;
    this.outlet.send(lane, count, requests);
    this.pauseWhileCongested(lane);
  }

  /** Holds the client back while the cluster takes less than it sends. */
  private pauseWhileCongested(to: Destination): void {
    if (!to.congested || this.congested) return;
    this.congested = true;
    to.onceDrained(() => {
      this.congested = false;
      this.readOrPause();
    });
  }

  private readOrPause(): void {
    if ((this.congested || this.backlog.full) && !this.leaving) this.socket.pause();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** As {@link LaneChoice.choose}; what this session wrote on database 1 must be there before database 0 is asked. */
  private chooseLane(alone = false): Lane | string | undefined {
    if (this.virtual.atHome) return this.lanes.choose(this.protocol, alone);
    this.virtual.onceAtHome(() => this.onIdle());
    return undefined;
  }

  /** The bytes of the command that just ended. */
  private frame(): Buffer {
    const bytes = this.chunk.subarray(this.scanner.start, this.scanner.end);
    return this.held.length > 0 ? Buffer.concat([...this.held, bytes]) : bytes;
  }

  /** The chunk is used up: what it has of an unfinished command is kept or passed on. */
  private keepRest(): void {
    if (this.stream) this.writeStream(this.chunk.length);
    else if (this.scanner.withinCommand) this.held.push(Buffer.from(this.chunk.subarray(this.scanner.start)));
  }

  private takeFrame(frame: Buffer): boolean {
    return this.dispatch(this.scanner.entry, parseArguments(frame), frame);
  }

  private takeInline(line: Buffer): boolean {
    const words = splitInline(line.subarray(0, line.length - (line.at(-2) === 13 ? 2 : 1)));
    if (!words) {
      this.leave(unbalanced);
      return true;
    }
    const [name] = words;
    if (!name) return true;
    return this.dispatch(this.services.table.lookup(name, 0, name.length), words, encodeRequest(words));
  }

  private dispatch(entry: CommandEntry | undefined, words: readonly Buffer[], frame: Buffer): boolean {
    if (this.outlet.full) return false;
    const { user } = this;
    if (!entry && /^(post|host:)$/i.test(String(words[0]))) {
      // A browser that was lured into talking to a cache; Redis closes at once as well.
      this.services.log.warn({ session: this.id }, "closed a connection that spoke HTTP");
      this.destroy();
      return true;
    }
    if (!user && !openCommands.has(nameOf(entry))) {
      this.outlet.answer(noAuth);
      return true;
    }
    if (!entry) return this.answerError(unknownCommand(words));
    const rule = this.database === 0 ? entry.regional : entry.virtual;
    const prohibited =
      user && rule !== "local" && rule !== "refuse"
        ? prohibition(user, calledCommand(entry.specification, words))
        : undefined;
    if (prohibited !== undefined) return this.answerError(prohibited);
    switch (rule) {
      case "refuse":
        if (this.services.sources.clientNames && namesClient(words)) {
          this.outlet.answer(ok);
          return true;
        }
        this.services.counters.refused++;
        return this.answerError(refusalText(String(words[0]?.toString("latin1"))));
      case "local":
        return this.takeLocal(entry.specification, words);
      case "forward":
        return this.forward(frame);
      case "private":
        return this.forward(frame, blockingMs(entry.specification.name, words));
      case "inspect":
        return this.takeInspected(inspect(entry.specification.name, words), frame);
      case "receipt":
        return this.takeReceipt(entry, words);
      default:
        return this.virtual.take(entry, words);
    }
  }

  private forward(frame: Buffer, blocksMs = 0): boolean {
    const lane = this.chooseLane(blocksMs > 0);
    if (lane === undefined) return false;
    if (blocksMs > 0 && this.ended) {
      // Nobody would wait for it.
      this.leaving = true;
      return true;
    }
    if (typeof lane === "string") return this.answerError(lane);
    this.services.counters.forwarded++;
    this.send(lane, 1, [frame], blocksMs);
    return true;
  }

  private takeInspected({ error, words, blocksMs }: Inspection, frame: Buffer): boolean {
    if (error !== undefined) return this.answerError(error);
    return this.forward(words ? encodeRequest(words) : frame, blocksMs);
  }

  private takeLocal(command: CommandSpecification, words: readonly Buffer[]): boolean {
    // A fetched answer cannot trail behind replies still to come, so it waits for them.
    if (command.name === "INFO" && this.outlet.inFlight > 0) return false;
    this.services.counters.local++;
    const answer = answerLocally(command, words, this, this.services.sources);
    if (answer instanceof Promise) {
      return this.fetch(answer);
    }
    this.scanner.authenticated = this.user !== undefined;
    this.scanner.largeBytes = this.largeBytes();
    if (command.name === "QUIT") this.leave(answer);
    else this.outlet.answer(answer);
    return true;
  }

  private fetch(answer: Promise<Buffer>): true {
    this.fetching = true;
    void answer
      .catch(() => encodeError(unreachableText))
      .then((bytes) => {
        this.fetching = false;
        this.outlet.answer(bytes);
        this.advance();
      });
    return true;
  }

  private takeReceipt({ specification }: CommandEntry, words: readonly Buffer[]): boolean {
    if (this.outlet.inFlight > 0) return false;
    this.services.counters.local++;
    const receipt = this.virtual.receipt(specification, words, () => this.socket.destroyed);
    return typeof receipt === "string" ? this.answerError(receipt) : this.fetch(receipt);
  }

  /** Unauthenticated clients are held to smaller frames by the scanner. */
  private largeBytes(): number {
    if (!this.user) return Number.POSITIVE_INFINITY;
    return this.database === 0 ? LARGE_REQUEST_BYTES : this.services.virtualLimitBytes;
  }

  /** The command under way is too large to be gathered: it is passed on as it comes, or answered and passed over. */
  private takeLarge(): boolean {
    if (this.outlet.full) return false;
    const { scanner, database, user } = this;
    const { typed } = this.virtual;
    const { entry, argumentCount, largeBytes: limitBytes } = scanner;
    const begun = (): Buffer =>
      Buffer.concat([...this.held, this.chunk.subarray(scanner.start)]).subarray(0, LARGE_REQUEST_BYTES);
    const answer = answerLarge({ entry, argumentCount, begun, limitBytes, database, user, typed });
    if (answer || !entry) {
      if (answer) this.outlet.answer(answer);
      this.stream = answered;
    } else {
      if (this.outlet.inFlight > 0 && !(database === 1 && this.outlet.holding)) return false;
      const stream = database === 0 ? this.streamToLane(entry) : this.virtual.stream(entry, argumentCount, this.held);
      if (typeof stream === "string") this.answerError(stream);
      else if (!stream) return false;
      this.stream = typeof stream === "string" ? answered : stream;
    }
    this.held = [];
    return true;
  }

  private streamToLane({ regional }: CommandEntry): LargeRequest | string | undefined {
    const lane = this.chooseLane(true);
    if (lane === undefined || typeof lane === "string") return lane;
    this.send(lane, 1, this.held);
    return toLane(lane, regional !== "forward", this.outlet);
  }

  /** Passes on the chunk's part of a streaming request. */
  private writeStream(end: number): void {
    const to = this.stream?.to;
    if (!to) return;
    to.write(this.chunk.subarray(this.scanner.start, end));
    this.pauseWhileCongested(to);
  }

  private abandonStream(): void {
    this.stream?.abandon();
    this.stream = undefined;
  }

  private answerError(text: string): true {
    this.outlet.answer(encodeError(text));
    return true;
  }

  /** Takes no more, and closes once everything before this answer was answered. */
  private leave(answer: Buffer): void {
    this.outlet.answer(answer);
    this.leaving = true;
  }

  private get betweenCommands(): boolean {
    return !this.stalled && !this.scanner.withinCommand;
  }

  private leaveIfDone(): void {
    const idle = this.outlet.inFlight === 0;
    if (this.finishing && this.betweenCommands && (idle || this.overdue)) this.leaving = true;
    if (this.leaving && idle) this.outlet.end();
  }

  private onIdle(): void {
    if (this.waiting) this.advance();
    else this.leaveIfDone();
  }

  private onTooSlow(waitingBytes: number): void {
    this.services.counters.overflows++;
    this.services.log.warn({ session: this.id, waitingBytes }, "disconnected a client that reads too slowly");
    this.destroy();
  }

  private onEnd(): void {
    this.ended = true;
    this.leaveHalfClosed();
  }

  /** The client has sent all it will: what it sent is answered, but nobody waits for a blocking command any more. */
  private leaveHalfClosed(): void {
    if (this.lanes.blocked) this.destroy();
    if (!this.stalled) this.leaving = true;
    this.leaveIfDone();
  }

  private onClose(): void {
    this.leaving = true;
    this.waiting = undefined;
    this.backlog.clear();
    this.outlet.onClose();
    this.abandonStream();
    this.lanes.release();
  }
}

function nameOf(entry: CommandEntry | undefined): string {
  return entry?.specification.name ?? "";
}
