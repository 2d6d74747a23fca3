// What a client sends while its session has to wait. It is read on, up to a bound, since a socket that is not read does not
// tell that the client has gone: it would stay blocked, and take elements that nobody gets.

/** What is kept of a client whose session waits for no more than a while; the rest stays in the socket. */
export const BACKLOG_BYTES = 256 * 1024;
/** What a piece takes at least, however small. */
const PIECE_BYTES = 512;

export class Backlog {
  /** Memory that it takes. */
  heldBytes = 0;

  private incoming: Buffer[] = [];
  /** What came before, the first at the end. */
  private outgoing: Buffer[] = [];

  get full(): boolean {
    return this.heldBytes > BACKLOG_BYTES;
  }

  /** Copies what came. */
  add(bytes: Buffer): void {
    this.incoming.push(Buffer.from(bytes));
    this.heldBytes += Math.max(PIECE_BYTES, bytes.length);
  }

  /** What came first. */
  take(): Buffer | undefined {
    if (this.heldBytes === 0) return undefined;
    if (this.outgoing.length === 0) {
      this.outgoing = this.incoming.reverse();
      this.incoming = [];
    }
    const piece = this.outgoing.pop();
    if (piece) this.heldBytes -= Math.max(PIECE_BYTES, piece.length);
    return piece;
  }

  clear(): void {
    this.incoming = [];
    this.outgoing = [];
    this.heldBytes = 0;
  }
}
