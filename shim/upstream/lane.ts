// One connection to the cluster, from its handshake to its loss: what it is given goes out, whoever waits gets the replies,
// and a cluster that falls silent is given up.
import { connect as connectPlain, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ClusterAddress } from "../configuration";
import { encodeError, encodeRequest, type Protocol } from "../resp/encoder";
import { ReplyScanner } from "../resp/replyScanner";
import { GatheredWriter } from "../sockets/gatheredWriting";
import { sharedReading } from "../sockets/sharedReading";
import { tlsOptions } from "./address";
import { pauseForMore } from "./coalescing";
import { failAll, type ReplyEntry, ReplyQueue, type ReplySink } from "./replyQueue";

/** What a lane tells its pool. */
export interface LaneEvents {
  /** The cluster accepted the connection and its credentials. */
  ready(lane: Lane): void;
  /** The lane is of no use any more; what was in flight was answered with errors. */
  lost(lane: Lane, reason: Error): void;
  /** A large reply has begun to come down. */
  large(lane: Lane): void;
  /** The server says that it is no primary any more. */
  demoted(lane: Lane): void;
  /** A push frame came, which belongs to no request. */
  push(): void;
}

/** How a lane connects. */
export interface LaneOptions {
  readonly address: ClusterAddress;
  readonly protocol: Protocol;
  /** Finds the cluster's address by its name. @default the system's resolver */
  readonly lookup?: LookupFunction | undefined;
  /** Whether it may pause: see coalescing.ts. @default true */
  readonly coalesce?: boolean | undefined;
  readonly connectTimeoutMs: number;
  /** Time without a byte, while something is in flight, after which the lane is given up. */
  readonly timeoutMs: number;
}

export const unreachableText = "ERR the cluster cannot be reached, try again later";
const unreachable = encodeError(unreachableText);
const lost = encodeError("ERR upstream connection lost, the command may or may not have run");

const MINUS = 45;

/** More than this waiting to be written upstream makes senders pause. */
const CONGESTED_BYTES = 4 * 1024 * 1024;
const KEEP_ALIVE_MS = 60_000;
/** How long others wait for a slow reader before them: enough for 100 MB to get to one of usual speed. */
const PATIENCE_MS = 2000;

/** The end of a lane on which no reply came in time. */
export class SilenceError extends Error {
  override readonly name = "SilenceError";

  /** @param since when it was heard last, or should have answered from; milliseconds of `performance.now()` */
  constructor(
    timeoutMs: number,
    readonly since: number,
  ) {
    super(`no reply within ${timeoutMs} ms`);
  }
}

export class Lane {
  /** `open` from the first accepted handshake on. */
  state: "connecting" | "open" | "closed" = "connecting";
  /** Whether it has ever been open: until then no request has gone to the cluster. */
  opened = false;
  /** Whether only one session uses it: then a slow reader pauses the lane instead of filling memory. */
  exclusive = false;
  /** For how long a command in flight may block by its own word, in which time silence means nothing; may be infinite. */
  blocksMs = 0;
  /** Whether the rest of a request is yet to come from its client: then the cluster must take what comes, no more. */
  uploading = false;
  /** Whether it answers what is in flight, and closes then: nothing else should be sent. */
  retiring = false;
  /** Whether anything but the handshake was ever answered. */
  answered = false;
  /** When a byte came last, at first when the lane was made; milliseconds of `performance.now()`. */
  heardAt = performance.now();

  private readonly socket: Socket;
  private readonly writer: GatheredWriter;
  private readonly scanner = new ReplyScanner();
  private readonly replies: ReplyQueue;
  private readonly watch: NodeJS.Timeout;
  /** When a byte came last, or the lane became busy, or a part of a request went; on the same clock. */
  private progressAt = this.heardAt;
  private paused = false;
  private patience: NodeJS.Timeout | undefined;
  private impatient = false;
  private readonly drainWaiters: (() => void)[] = [];

  constructor(
    private readonly options: LaneOptions,
    private readonly events: LaneEvents,
  ) {
    const { host, port, tls } = options.address;
    // DNS is asked again for each connection: after a failover the name leads elsewhere.
    const { lookup } = options;
    const keepAlive = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    const target = { host, port, ...keepAlive, ...(lookup && { lookup }) };
    const read = (bytes: Buffer): void => this.onData(bytes);
    this.socket = tls
      ? connectTls({ ...target, ...tlsOptions(host) }).on("data", read)
      : connectPlain({ ...target, onread: sharedReading(read) });
    this.writer = new GatheredWriter(this.socket, () => this.onFlushed());
    this.replies = new ReplyQueue(this.scanner, {
      large: () => events.large(this),
      demoted: () => events.demoted(this),
      push: () => events.push(),
    });
    this.watch = setInterval(
      () => this.checkDeadline(),
      Math.min(options.connectTimeoutMs, options.timeoutMs) / 4,
    ).unref();
    this.socket.on("drain", () => this.onDrain());
    this.socket.on("error", (error) => this.lose(error));
    // With its end at the latest: Node.js would send what is kept before it closes as well.
    for (const event of ["end", "close"])
      this.socket.on(event, () => this.lose(new Error("the cluster closed the connection")));
    this.socket.write(this.handshake());
    // What is written before the handshake's reply stays here: a cluster that does not answer may run it much later.
    this.socket.cork();
  }

  /** Whether requests are waiting for replies. */
  get busy(): boolean {
    return !this.replies.empty;
  }

  /** Whether silence means nothing for now: a command in flight blocks, or has not come as a whole. */
  get blocked(): boolean {
    return this.busy && (this.blocksMs > 0 || this.uploading);
  }

  /** Whether so much waits to be written that senders should pause until {@link onceDrained}. */
  get congested(): boolean {
    return this.socket.writableNeedDrain && (this.exclusive || this.socket.writableLength > CONGESTED_BYTES);
  }

  /**
   * Announces `count` requests of `sink`, whose bytes follow through {@link write}.
   *
   * @returns the entry that stands for them, behind which the sink may let answers of its own trail
   */
  expect(sink: ReplySink, count: number): ReplyEntry {
    if (this.replies.empty) this.progressAt = performance.now();
    return this.replies.add(sink, count);
  }

  /** Puts bytes of requests into the next write; their memory may be used again at once. */
  write(bytes: Buffer): void {
    if (this.state !== "open") {
      if (this.state === "connecting") this.socket.write(Buffer.from(bytes));
      return;
    }
    if (this.uploading) this.progressAt = performance.now();
    this.writer.write(bytes);
  }

  /** Calls back once what waits to be written has gone; at once where the lane closes. */
  onceDrained(callback: () => void): void {
    this.drainWaiters.push(callback);
  }

  /** Goes on reading after a sink's congestion has ended. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.progressAt = performance.now();
    this.socket.resume();
  }

  /** Told that a reader has gone. Others' replies come on; where nobody waits for any, the rest is not worth reading. */
  forsake(reader: ReplySink): void {
    if (this.retiring && !this.replies.othersWait(reader)) this.destroy();
    else this.resume();
  }

  /** Takes the lane out of sharing: it answers what is in flight, at the pace of whoever reads it, and closes. */
  retire(): void {
    this.exclusive = true;
    this.retiring = true;
    if (!this.busy) this.destroy();
  }

  /** Closes the lane; what is in flight is answered with errors. */
  destroy(reason = new Error("the connection is not needed any more")): void {
    this.lose(reason);
  }

  private handshake(): Buffer {
    const { address, protocol } = this.options;
    const credentials = address.password === undefined ? [] : [address.user ?? "default", address.password];
    if (protocol === 3)
      return encodeRequest(["HELLO", "3", ...(credentials.length > 0 ? ["AUTH", ...credentials] : [])]);
    return encodeRequest(credentials.length > 0 ? ["AUTH", ...credentials] : ["PING"]);
  }

  private onData(chunk: Buffer): void {
    this.heardAt = this.progressAt = performance.now();
    try {
      const from = this.state === "connecting" ? this.finishHandshake(chunk) : 0;
      if (from === chunk.length) return;
      this.replies.distribute(chunk, from);
      this.answered = true;
      if (this.exclusive) this.pauseForSlowReader();
      if (this.retiring && !this.busy) this.destroy();
    } catch (error) {
      this.lose(error as Error);
    }
  }

  /** The handshake's reply comes first; anything but an error opens the lane. */
  private finishHandshake(chunk: Buffer): number {
    if (this.scanner.complete && chunk[0] === MINUS) {
      throw new Error(`the cluster refused the connection: ${chunk.toString("latin1", 1).split("\r\n", 1)[0]}`);
    }
    const end = this.scanner.scan(chunk, 0);
    if (!this.scanner.complete) return end;
    this.state = "open";
    this.opened = true;
    this.socket.uncork();
    this.events.ready(this);
    return end;
  }

  /**
   * Leaves replies with the cluster while their reader is slow. Where others' commands came upon the lane before it was
   * taken out of sharing, they lend the reader some patience; then its output limit decides.
   */
  private pauseForSlowReader(): void {
    const { reader } = this.replies;
    if (!reader?.congested || reader.closed) return;
    if (this.replies.othersWait(reader)) {
      if (this.impatient) return;
      this.patience ??= setTimeout(() => {
        this.impatient = true;
        this.resume();
      }, PATIENCE_MS).unref();
    }
    this.paused = true;
    this.socket.pause();
  }

  /**
   * A silent cluster must not hang its clients. Whole requests do not count as progress, as they would with a socket's own
   * timeout; nor does a client that is slow to send or to read count as silence.
   */
  private checkDeadline(): void {
    const { connectTimeoutMs, timeoutMs } = this.options;
    const now = performance.now();
    const silentMs = now - this.progressAt;
    const waitsForClient = this.paused || (this.uploading && !this.congested);
    if (this.state === "connecting" && now - this.heardAt > connectTimeoutMs) {
      this.lose(new Error(`no connection within ${connectTimeoutMs} ms`));
    } else if (this.busy && !waitsForClient && silentMs > timeoutMs + this.blocksMs) {
      this.lose(new SilenceError(timeoutMs, this.progressAt));
    }
  }

  private onFlushed(): void {
    const { waiting } = this.replies;
    const added = this.replies.takeAdded();
    if (this.state === "open" && this.options.coalesce !== false) pauseForMore(waiting, added);
  }

  private onDrain(): void {
    if (this.uploading) this.progressAt = performance.now();
    for (const callback of this.drainWaiters.splice(0)) callback();
  }

  private lose(reason: Error): void {
    if (this.state === "closed") return;
    this.state = "closed";
    clearInterval(this.watch);
    clearTimeout(this.patience);
    this.socket.destroy();
    const unanswered = this.replies.takeAll();
    this.writer.clear();
    // First, so that whoever is answered here and sends on finds another lane.
    this.events.lost(this, reason);
    failAll(unanswered, this.opened ? lost : unreachable);
    this.onDrain();
  }
}
