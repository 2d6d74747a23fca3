// A client that moves values of any size without ever having one in its memory: it makes them as it sends them, from a
// pattern that repeats, and compares what it gets with the same pattern.
import { connect, type Socket } from "node:net";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { authentication } from "./credentials";
import type { Pacer } from "./pace";

// A prime number, so that bytes that moved by a power of two are not where they seem to belong.
const PATTERN_BYTES = 65_537;
const PIECE_BYTES = 64 * 1024;
const pattern = Buffer.from(Array.from({ length: PATTERN_BYTES }, (_, index) => (index * index) >> 4));
// Wherever a piece begins in the pattern, it is there in one.
const source = Buffer.concat([pattern, pattern]);

export class ValueClient {
  private readonly chunks: AsyncIterator<Buffer>;
  /** What came and was not looked at yet. */
  private unread: Buffer = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    this.chunks = socket[Symbol.asyncIterator]();
  }

  /** @throws Error where the client is not let in */
  static async connect(url: string): Promise<ValueClient> {
    const { hostname, port } = new URL(url);
    const client = new ValueClient(connect({ host: hostname, port: Number(port), noDelay: true }));
    await client.ask(authentication(url), "+OK");
    return client;
  }

  /** @throws Error where it is answered with anything but OK */
  async set(key: string, bytes: number, pace?: Pacer): Promise<void> {
    this.socket.write(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${bytes}\r\n`);
    for (let sent = 0; sent < bytes; sent += PIECE_BYTES) {
      const piece = pieceAt(sent, Math.min(PIECE_BYTES, bytes - sent));
      await pace?.take(piece.length);
      // Also where the connection fails, which the answer then tells.
      if (!this.socket.write(piece)) await new Promise<void>((resolve) => this.onceWritable(resolve));
    }
    this.socket.write("\r\n");
    await this.expect("SET", "+OK");
  }

  /** @throws Error where the value is not the one that {@link set} makes of this size */
  async get(key: string, bytes: number, pace?: Pacer): Promise<void> {
    await this.ask(["GET", key], `$${bytes}`);
    for (let position = 0; position < bytes; ) {
      if (this.unread.length === 0) this.unread = await this.nextChunk();
      const piece = this.unread.subarray(0, Math.min(this.unread.length, PIECE_BYTES, bytes - position));
      await pace?.take(piece.length);
      if (!piece.equals(pieceAt(position, piece.length)))
        throw new Error(`GET ${key} brought other bytes than were set, from ${position} on.`);
      this.unread = this.unread.subarray(piece.length);
      position += piece.length;
    }
    const rest = await this.readLine();
    if (rest !== "") throw new Error(`GET ${key} brought more than ${bytes} bytes.`);
  }

  close(): void {
    this.socket.destroy();
  }

  private async ask(words: readonly string[], answer: string): Promise<void> {
    this.socket.write(encodeRequest(words));
    await this.expect(words[0] ?? "", answer);
  }

  private async expect(command: string, answer: string): Promise<void> {
    const line = await this.readLine();
    if (line !== answer) throw new Error(`${command} was answered with ${line}, not with ${answer}.`);
  }

  private async readLine(): Promise<string> {
    let end = this.unread.indexOf("\r\n");
    while (end < 0) {
      this.unread = Buffer.concat([this.unread, await this.nextChunk()]);
      end = this.unread.indexOf("\r\n");
    }
    const line = this.unread.toString("latin1", 0, end);
    this.unread = this.unread.subarray(end + 2);
    return line;
  }

  private async nextChunk(): Promise<Buffer> {
    const { value, done } = await this.chunks.next();
    if (done) throw new Error("The connection was closed in the middle of an answer.");
    return value;
  }

  private onceWritable(then: () => void): void {
    const { socket } = this;
    const listener = (): void => {
      socket.off("drain", listener).off("close", listener);
      then();
    };
    socket.on("drain", listener).on("close", listener);
    if (socket.destroyed) listener();
  }
}

function pieceAt(position: number, bytes: number): Buffer {
  const from = position % PATTERN_BYTES;
  return source.subarray(from, from + bytes);
}
