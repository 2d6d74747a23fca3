// The way in to a session: what its client sends, command by command, whatever the chunks it comes in. Behind a command
// that has to wait the rest is kept, up to a bound; the client is held back where that, or the cluster, can take no more.
// Where it may wait for ever it is not held back: only a socket that is read tells that its client has gone.
import type { Socket } from "node:net";
import type { CommandEntry, CommandTable } from "../commands/commandTable";
import { RequestScanner } from "../resp/requestScanner";
import { Backlog } from "./backlog";
import type { Destination } from "./largeRequest";

/** What an inlet asks of its session. */
export interface InletOwner {
  /** Whether a command blocks, perhaps for ever. */
  readonly blocked: boolean;
  /** Takes on what was postponed, now that the cluster takes more again. */
  resume(): void;
}

export class Inlet {
  readonly scanner: RequestScanner<CommandEntry>;
  /** What is being scanned. */
  chunk: Buffer = Buffer.alloc(0);
  /** Earlier chunks' bytes of the command under way. */
  held: Buffer[] = [];
  /** No more is taken. */
  closed = false;

  /** What came while something had to wait. */
  private readonly backlog = new Backlog();
  /** The cluster takes less than the client sends. */
  private congested = false;
  private paused = false;

  constructor(
    private readonly socket: Socket,
    table: CommandTable,
    private readonly owner: InletOwner,
  ) {
    this.scanner = new RequestScanner(table);
  }

  /** Takes what came, for now; its memory is used again afterwards. */
  feed(bytes: Buffer): void {
    this.chunk = bytes;
    this.scanner.feed(bytes);
  }

  /** Copies what is being scanned, whose memory is about to be used again. */
  keep(): void {
    this.chunk = this.scanner.keep();
  }

  /** Keeps what came behind something that has to wait. */
  postpone(bytes: Buffer): void {
    this.backlog.add(bytes);
    this.readOrPause();
  }

  /** Memory of what was postponed. */
  get postponedBytes(): number {
    return this.backlog.heldBytes;
  }

  /** Goes on with what was postponed. @returns false where there is none, or the cluster cannot take it yet */
  refill(): boolean {
    const bytes = this.congested ? undefined : this.backlog.take();
    if (bytes) this.feed(bytes);
    return bytes !== undefined;
  }

  /** The bytes of the command that just ended. */
  frame(): Buffer {
    const bytes = this.chunk.subarray(this.scanner.start, this.scanner.end);
    return this.held.length > 0 ? Buffer.concat([...this.held, bytes]) : bytes;
  }

  /** The chunk is used up: what it has of an unfinished command is kept. */
  holdRest(): void {
    if (this.scanner.withinCommand) this.held.push(Buffer.from(this.chunk.subarray(this.scanner.start)));
  }

  /** The first bytes of the command under way, or some of them. */
  begun(maxBytes: number): Buffer {
    return Buffer.concat([...this.held, this.chunk.subarray(this.scanner.start)]).subarray(0, maxBytes);
  }

  /** Holds the client back while the cluster takes less than it sends. */
  pauseWhileCongested(to: Destination): void {
    if (!to.congested || this.congested) return;
    this.congested = true;
    to.onceDrained(() => {
      this.congested = false;
      this.readOrPause();
      this.owner.resume();
    });
  }

  readOrPause(): void {
    const pause = (this.congested || (this.backlog.full && !this.owner.blocked)) && !this.closed;
    if (pause === this.paused) return;
    this.paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }

  /** From now on nothing is taken, not even what was postponed. */
  close(): void {
    this.closed = true;
    this.backlog.clear();
    // Whoever closes politely reads on and drops.
    this.readOrPause();
  }
}
