// A client that speaks bytes: it sends what it is told and returns replies as they came, cut by the reply scanner, which
// has tests of its own.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { encodeRequest } from "../../shim/resp/encoder";
import { ReplyScanner } from "../../shim/resp/replyScanner";

export class RawClient {
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;

  private readonly scanner = new ReplyScanner();
  private readonly replies: string[] = [];
  private partial = "";
  private wake: (() => void) | undefined;
  private gone = false;

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.gone = true;
        this.wake?.();
        resolve();
      });
    });
    socket.on("data", (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; ) {
        const end = this.scanner.scan(chunk, at);
        this.partial += chunk.toString("latin1", at, end);
        at = end;
        if (!this.scanner.complete) break;
        this.replies.push(this.partial);
        this.partial = "";
      }
      this.wake?.();
    });
    // A reset is as good as a close here.
    socket.on("error", () => undefined);
  }

  /**
   * Connects, and authenticates with the credentials of a `redis://` URL; a `rediss://` one means TLS, with any
   * certificate.
   */
  static async connect(url: string): Promise<RawClient> {
    const { protocol, hostname, port, username, password } = new URL(url);
    const target = { host: hostname, port: Number(port), noDelay: true };
    const socket = protocol === "rediss:" ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
    await once(socket, protocol === "rediss:" ? "secureConnect" : "connect");
    const client = new RawClient(socket);
    if (password) {
      const reply = await client.call("AUTH", ...(username ? [username] : []), password);
      if (reply !== "+OK\r\n") throw new Error(`AUTH was answered ${reply}`);
    }
    return client;
  }

  /** Sends bytes as they are. */
  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Sends commands in one write. */
  send(...commands: readonly (readonly (Buffer | string)[])[]): void {
    this.write(Buffer.concat(commands.map((words) => encodeRequest(words))));
  }

  /** The next replies, as Latin 1; fewer where the connection closes before. */
  async take(count: number): Promise<string[]> {
    while (this.replies.length < count && !this.gone) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.replies.splice(0, count);
  }

  /** Sends one command and returns its reply; an empty text where the connection closed. */
  async call(...words: readonly (Buffer | string)[]): Promise<string> {
    this.send(words);
    return (await this.take(1))[0] ?? "";
  }

  close(): void {
    this.socket.destroy();
  }
}
