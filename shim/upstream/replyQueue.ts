// Who waits for replies of one connection, in the order of the requests. What comes is cut into runs of replies, one run
// for each who waits, and handed out.
//
//   entries:  session A ×3 → session B ×1 → session A ×2   (oldest first, count = replies still to come)
//                     └ trailing: what the shim itself answers to A behind these three
//
// Invariant: the sum of the counts is the number of requests sent or gathered and not yet answered.
import type { ReplyScanner } from "../resp/replyScanner";

/** Who sent a request and gets its reply. */
export interface ReplySink {
  /**
   * Takes bytes of replies, those of a chunk between two offsets, whose memory is used again after `flush`; `completed`
   * replies end in them. The bytes may begin or end within a reply.
   */
  reply(chunk: Buffer, start: number, end: number, completed: number): void;
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
  /** How many entries of the queue are its own; kept by the queue. At first 0. */
  entries: number;
}

/** What answers of the shim's own may follow. */
export interface Trailed {
  /** Those that do, where there are any. */
  trailing: Buffer[] | undefined;
}

/** Requests of one sink in a row; answers trail behind the last reply. */
export interface ReplyEntry extends Trailed {
  readonly sink: ReplySink;
  /** Replies still to come. */
  count: number;
  /** Bytes of the reply under way that were handed out. */
  partialBytes: number;
  next: ReplyEntry | undefined;
}

/** What a queue tells its lane of the replies that come. */
export interface ReplyEvents {
  /** A reply larger than `LARGE_REPLY_BYTES` has begun to come down. */
  large(): void;
  /** The server says that it is no primary any more. */
  demoted(): void;
  /** A push frame came, which belongs to no request. */
  push(): void;
}

const MINUS = 45;
/** How a server that has become a replica answers writes. */
const READ_ONLY = "-READONLY";
/** A reply over this size takes its lane out of sharing. */
const LARGE_REPLY_BYTES = 64 * 1024;

export class ReplyQueue {
  private oldest: ReplyEntry | undefined;
  private newest: ReplyEntry | undefined;
  private sinks = 0;
  private added = 0;

  /** @param scanner stands between two replies */
  constructor(
    private readonly scanner: ReplyScanner,
    private readonly events: ReplyEvents,
  ) {}

  get empty(): boolean {
    return this.oldest === undefined;
  }

  /** How many sinks wait. */
  get waiting(): number {
    return this.sinks;
  }

  /** How many sinks have begun to wait since this was asked last. */
  takeAdded(): number {
    const { added } = this;
    this.added = 0;
    return added;
  }

  /** Who gets the next reply. */
  get reader(): ReplySink | undefined {
    return this.oldest?.sink;
  }

  /** @returns the entry that stands for these requests, behind which the sink may let answers of its own trail */
  add(sink: ReplySink, count: number): ReplyEntry {
    const last = this.newest;
    if (last && last.sink === sink && !last.trailing) {
      last.count += count;
      return last;
    }
    const entry: ReplyEntry = { sink, count, partialBytes: 0, trailing: undefined, next: undefined };
    if (last) last.next = entry;
    else this.oldest = entry;
    this.newest = entry;
    if (sink.entries++ === 0) {
      this.sinks++;
      this.added++;
    }
    return entry;
  }

  /** Whether anybody else waits who is still there. */
  othersWait(reader: ReplySink): boolean {
    for (let entry = this.oldest; entry; entry = entry.next) {
      if (entry.sink !== reader && !entry.sink.closed) return true;
    }
    return false;
  }

  /**
   * Hands out what came.
   *
   * @throws Error on what nobody asked for, and on what is no RESP
   */
  distribute(chunk: Buffer, from: number): void {
    const { scanner } = this;
    const touched: ReplySink[] = [];
    let runStart = from;
    let completed = 0;
    let position = from;
    const handOut = (entry: ReplyEntry, to: number): void => {
      if (to > runStart || completed > 0) {
        if (!entry.sink.closed) {
          entry.sink.reply(chunk, runStart, to, completed);
          if (touched[touched.length - 1] !== entry.sink) touched.push(entry.sink);
        }
      }
      runStart = to;
      completed = 0;
    };
    const settle = (entry: ReplyEntry, count: number): void => {
      completed += count;
      entry.count -= count;
      entry.partialBytes = 0;
      if (entry.count > 0) return;
      this.shift(entry);
      handOut(entry, position);
      if (entry.trailing && !entry.sink.closed) giveTrailing(entry);
    };
    try {
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
            this.events.large();
            entry.sink.preferPrivate();
          }
          break;
        }
        if (
          chunk[replyStart] === MINUS &&
          chunk.toString("latin1", replyStart, replyStart + READ_ONLY.length) === READ_ONLY
        ) {
          this.events.demoted();
        }
        settle(entry, 1);
      }
    } finally {
      // Also where what follows is no RESP: the chunk's memory is about to be used again.
      if (this.oldest && completed > 0) handOut(this.oldest, position);
      for (const sink of touched) sink.flush();
    }
  }

  /** Empties the queue. @returns those who were left without their replies, for {@link failAll} */
  takeAll(): ReplyEntry | undefined {
    const first = this.oldest;
    this.oldest = undefined;
    this.newest = undefined;
    this.sinks = 0;
    for (let entry = first; entry; entry = entry.next) entry.sink.entries = 0;
    return first;
  }

  private shift(entry: ReplyEntry): void {
    if (--entry.sink.entries === 0) this.sinks--;
    this.oldest = entry.next;
    if (!entry.next) this.newest = undefined;
  }
}

/** Lets one more answer follow. */
export function trail(behind: Trailed, answer: Buffer): void {
  if (behind.trailing) behind.trailing.push(answer);
  else behind.trailing = [answer];
}

function giveTrailing({ sink, trailing }: ReplyEntry): void {
  for (const answer of trailing ?? []) sink.reply(answer, 0, answer.length, 0);
}

/** Answers with an error what will get no reply any more, from an entry on. */
export function failAll(first: ReplyEntry | undefined, error: Buffer): void {
  for (let entry = first; entry; entry = entry.next) {
    const { sink } = entry;
    if (sink.closed) continue;
    if (entry.partialBytes > 0) {
      sink.cutOff();
      continue;
    }
    if (entry.count > 0) {
      const errors = Buffer.concat(Array.from({ length: entry.count }, () => error));
      sink.reply(errors, 0, errors.length, entry.count);
    }
    giveTrailing(entry);
    sink.flush();
  }
}
