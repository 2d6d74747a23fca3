// One connection to the cluster. It writes what sessions give it, once per turn of the event loop, and hands each its
// replies, in the order of the requests.
//
//   entries:  session A ×3 → session B ×1 → session A ×2   (oldest first, count = replies still to come)
//                     └ trailing: what the shim itself answers to A behind these three
//
// Invariant: the sum of the counts is the number of requests sent or queued and not yet answered.
import { connect as connectPlain, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ClusterAddress } from "../configuration";
import { encodeError, encodeRequest, type Protocol } from "../resp/encoder";
import { ReplyScanner } from "../resp/replyScanner";
import { DirectWriter } from "../sockets/directWriting";
import { sharedReading } from "../sockets/sharedReading";
import { tlsOptions } from "./address";

/** Who sent a request and gets its reply. */
export interface ReplySink {
  /**
   * Takes reply bytes, whose memory is used again after `flush`; `completed` replies end in them. The bytes may begin or
   * end within a reply.
   */
  reply(bytes: Buffer, completed: number): void;
  /** Told after all that one chunk brought was handed over: the time to write. */
  flush(): void;
  /** A reply stopped in its middle: nothing that follows could be understood. */
  cutOff(): void;
  /** Told while a large reply comes down: from now on a lane of its own serves it better. */
  preferPrivate(): void;
  /** Whether it has so much unread that a lane of its own should pause. */
  readonly congested: boolean;
  /** Whether it is gone: its replies are dropped. */
  readonly closed: boolean;
}

/** Requests of one sink in a row. */
export interface LaneEntry {
  readonly sink: ReplySink;
  /** Replies still to come. */
  count: number;
  /** Bytes of the reply under way that were handed out. */
  partialBytes: number;
  /** Answers of the shim's own that follow the last reply. */
  readonly trailing: Buffer[];
  next: LaneEntry | undefined;
}

/** What a lane tells its pool. */
export interface LaneEvents {
  /** The cluster accepted the connection and its credentials. */
  ready(lane: Lane): void;
  /** The lane is of no use any more; what was in flight was answered with errors. */
  lost(lane: Lane, reason: Error): void;
  /** A reply larger than `LARGE_REPLY_BYTES` has begun to come down. */
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
  readonly connectTimeoutMs: number;
  /** Time without a byte, while something is in flight, after which the lane is given up. */
  readonly timeoutMs: number;
}

const MINUS = 45;
/** How a server that has become a replica answers writes. */
const READ_ONLY = "-READONLY";

/** A reply over this size takes its lane out of sharing. */
const LARGE_REPLY_BYTES = 64 * 1024;
/** More than this waiting to be written upstream makes senders pause. */
const CONGESTED_BYTES = 4 * 1024 * 1024;
/** Requests are gathered up to this size. */
const OUTPUT_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 60_000;
/** How long others wait for a slow reader before them: enough for 100 MB to get to one of usual speed. */
const PATIENCE_MS = 2000;

const lostText = "ERR upstream connection lost, the command may or may not have run";

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
  /** Whether only one session uses it: then a slow reader pauses the lane instead of filling memory. */
  exclusive = false;
  /** For how long a command in flight may block by its own word, in which time silence means nothing; may be infinite. */
  blocksMs = 0;
  /** Whether the rest of a request is yet to come from its client: then the cluster must take what comes, no more. */
  uploading = false;
  /** When a byte came last, at first when the lane was made; milliseconds of `performance.now()`. */
  heardAt = performance.now();

  private readonly socket: Socket;
  private readonly writer: DirectWriter;
  private readonly scanner = new ReplyScanner();
  private readonly watch: NodeJS.Timeout;
  /** When a byte came last, or the lane became busy, or a part of a request went; on the same clock. */
  private progressAt = this.heardAt;
  private oldest: LaneEntry | undefined;
  private newest: LaneEntry | undefined;
  /** Requests of this turn of the event loop: one write is one system call. */
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  private gathered = 0;
  private flushing = false;
  private paused = false;
  private patience: NodeJS.Timeout | undefined;
  private impatient = false;
  private retiring = false;
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
    this.writer = new DirectWriter(this.socket);
    this.watch = setInterval(
      () => this.checkDeadline(),
      Math.min(options.connectTimeoutMs, options.timeoutMs) / 4,
    ).unref();
    this.socket.on("drain", () => this.onDrain());
    this.socket.on("error", (error) => this.lose(error));
    this.socket.on("close", () => this.lose(new Error("the cluster closed the connection")));
    this.socket.write(this.handshake());
  }

  /** Whether requests are waiting for replies. */
  get busy(): boolean {
    return this.oldest !== undefined;
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
  expect(sink: ReplySink, count: number): LaneEntry {
    const last = this.newest;
    if (last && last.sink === sink && last.trailing.length === 0) {
      last.count += count;
      return last;
    }
    const entry: LaneEntry = { sink, count, partialBytes: 0, trailing: [], next: undefined };
    if (last) {
      last.next = entry;
    } else {
      this.oldest = entry;
      this.progressAt = performance.now();
    }
    this.newest = entry;
    return entry;
  }

  /** Puts bytes of requests into the next write; their memory may be used again at once. */
  write(bytes: Buffer): void {
    if (this.state === "closed") return;
    if (this.uploading) this.progressAt = performance.now();
    const { output } = this;
    if (bytes.length > output.length - this.gathered) this.writeGathered();
    if (bytes.length > output.length) {
      this.writer.write(bytes);
      return;
    }
    this.gathered += bytes.copy(output, this.gathered);
    if (this.flushing) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.writeGathered();
    });
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

  private writeGathered(): void {
    const bytes = this.output.subarray(0, this.gathered);
    this.gathered = 0;
    if (this.state !== "closed" && bytes.length > 0) this.writer.write(bytes);
  }

  private onData(chunk: Buffer): void {
    this.heardAt = this.progressAt = performance.now();
    try {
      const from = this.state === "connecting" ? this.finishHandshake(chunk) : 0;
      if (from < chunk.length) this.distribute(chunk, from);
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
    this.events.ready(this);
    return end;
  }

  /** Cuts a chunk into runs of replies, one run per entry, and hands them out. */
  private distribute(chunk: Buffer, from: number): void {
    const { scanner } = this;
    const touched: ReplySink[] = [];
    let runStart = from;
    let completed = 0;
    let position = from;
    const handOut = (entry: LaneEntry, to: number): void => {
      if (to > runStart || completed > 0) {
        if (!entry.sink.closed) {
          entry.sink.reply(chunk.subarray(runStart, to), completed);
          if (touched[touched.length - 1] !== entry.sink) touched.push(entry.sink);
        }
      }
      runStart = to;
      completed = 0;
    };
    const settle = (entry: LaneEntry, count: number): void => {
      completed += count;
      entry.count -= count;
      entry.partialBytes = 0;
      if (entry.count > 0) return;
      this.shift(entry);
      handOut(entry, position);
      if (!entry.sink.closed) for (const answer of entry.trailing) entry.sink.reply(answer, 0);
    };
    while (position < chunk.length) {
      const entry = this.oldest;
      if (entry && scanner.complete) {
        position = scanner.pass(chunk, position, entry.count);
        if (scanner.passed > 0) {
          settle(entry, scanner.passed);
          continue;
        }
      }
      const replyStart = position;
      position = scanner.scan(chunk, position);
      if (scanner.push) {
        if (entry) handOut(entry, replyStart);
        runStart = position;
        if (scanner.complete) this.events.push();
        continue;
      }
      if (!entry) throw new Error("the cluster sent a reply that nothing had asked for");
      if (!scanner.complete) {
        handOut(entry, position);
        entry.partialBytes += position - replyStart;
        if (entry.partialBytes + scanner.announcedBytes > LARGE_REPLY_BYTES) {
          this.events.large(this);
          entry.sink.preferPrivate();
        }
        break;
      }
      if (
        chunk[replyStart] === MINUS &&
        chunk.toString("latin1", replyStart, replyStart + READ_ONLY.length) === READ_ONLY
      ) {
        this.events.demoted(this);
      }
      settle(entry, 1);
    }
    if (this.oldest && completed > 0) handOut(this.oldest, position);
    for (const sink of touched) sink.flush();
    if (this.exclusive) this.pauseForSlowReader();
    if (this.retiring && !this.busy) this.destroy();
  }

  private shift(entry: LaneEntry): void {
    this.oldest = entry.next;
    if (!entry.next) this.newest = undefined;
  }

  /**
   * Leaves replies with the cluster while their reader is slow. Where others' commands came upon the lane before it was
   * taken out of sharing, they lend the reader some patience; then its output limit decides.
   */
  private pauseForSlowReader(): void {
    const reader = this.oldest?.sink;
    if (!reader?.congested || reader.closed) return;
    if (this.othersWaitFor(reader)) {
      if (this.impatient) return;
      this.patience ??= setTimeout(() => {
        this.impatient = true;
        this.resume();
      }, PATIENCE_MS).unref();
    }
    this.paused = true;
    this.socket.pause();
  }

  private othersWaitFor(reader: ReplySink): boolean {
    for (let entry = this.oldest; entry; entry = entry.next) {
      if (entry.sink !== reader && !entry.sink.closed) return true;
    }
    return false;
  }

  /**
   * A silent cluster must not hang its clients. Whole requests do not count as progress, as they would with a socket's own
   * timeout; nor does a client that is slow to send or to read count as silence.
   */
  private checkDeadline(): void {
    const { connectTimeoutMs, timeoutMs } = this.options;
    const silentMs = performance.now() - this.progressAt;
    const waitsForClient = this.paused || (this.uploading && !this.congested);
    if (this.state === "connecting" && silentMs > connectTimeoutMs) {
      this.lose(new Error(`no connection within ${connectTimeoutMs} ms`));
    } else if (this.busy && !waitsForClient && silentMs > timeoutMs + this.blocksMs) {
      this.lose(new SilenceError(timeoutMs, this.progressAt));
    }
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
    const error = encodeError(lostText);
    const first = this.oldest;
    this.oldest = undefined;
    this.newest = undefined;
    this.gathered = 0;
    // First, so that whoever is answered here and sends on finds another lane.
    this.events.lost(this, reason);
    for (let entry = first; entry; entry = entry.next) {
      const { sink } = entry;
      if (sink.closed) continue;
      if (entry.partialBytes > 0) {
        sink.cutOff();
        continue;
      }
      if (entry.count > 0) {
        sink.reply(Buffer.concat(Array.from({ length: entry.count }, () => error)), entry.count);
      }
      for (const answer of entry.trailing) sink.reply(answer, 0);
      sink.flush();
    }
    this.onDrain();
  }
}
