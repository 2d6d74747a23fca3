// What a client sends while its session has to wait. It is read on, up to a bound, since a socket that is not read does not
// tell that the client has gone: it would stay blocked, and take elements that nobody gets.

/** More than this stays in the socket; then a client that goes is noticed only once its session goes on. */
const BACKLOG_BYTES = 256 * 1024;
/** What a piece takes at least, however small. */
const PIECE_BYTES = 512;

export class Backlog {
  private pieces: Buffer[] = [];
  private heldBytes = 0;

  get full(): boolean {
    return this.heldBytes > BACKLOG_BYTES;
  }

  /** Copies what came. */
  add(bytes: Buffer): void {
    this.pieces.push(Buffer.from(bytes));
    this.heldBytes += Math.max(PIECE_BYTES, bytes.length);
  }

  /** What came first. */
  take(): Buffer | undefined {
    const piece = this.pieces.shift();
    if (piece) this.heldBytes -= Math.max(PIECE_BYTES, piece.length);
    return piece;
  }

  clear(): void {
    this.pieces = [];
    this.heldBytes = 0;
  }
}
