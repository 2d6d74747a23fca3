// One shim and one plain server get the same bytes; their answers must be the same, byte for byte, and so must be whether
// they close the connection. On database 1, which answers otherwise, as many answers must come.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { ReplyScanner } from "@redis-on-fly/shim/dist/resp/replyScanner";
import { RequestScanner } from "@redis-on-fly/shim/dist/resp/requestScanner";
import type { Stream } from "./streams";

/** What came back for a stream. */
interface Answer {
  readonly text: string;
  readonly closed: boolean;
}

const PATIENCE_MS = 5000;
/** An answer that only the shim gives: from there on the two have done different things. */
const onlyOurs = /not supported by Redis on Fly|too large for database 0/;

export class Duel {
  private readonly shim: Side;
  private readonly server: Side;
  private readonly alike: (shim: Answer, server: Answer) => boolean;
  private rounds = 0;

  /** @param database that of the shim; the server's is 0 */
  constructor(shimUrl: string, serverUrl: string, protocol: 2 | 3, database: 0 | 1 = 0) {
    this.alike = database === 0 ? alike : alikeInNumber;
    this.shim = new Side(shimUrl, protocol, database);
    this.server = new Side(serverUrl, protocol, 0);
  }

  /** @throws Error where the two differ, with what each said */
  async run(stream: Stream): Promise<void> {
    const { complete, broken } = whereItEnds(stream.bytes);
    // Echoed behind the last whole command, so that all before it is known to be answered.
    const mark = `mark ${this.rounds++}`;
    // A server sees a faulty length only when its line has ended.
    const echo = broken ? [Buffer.from("\r\n")] : [encodeRequest(["ECHO", mark])];
    const until = broken ? undefined : `$${mark.length}\r\n${mark}\r\n`;
    const tail = stream.bytes.subarray(complete);
    let same = false;
    try {
      const [shim, server] = await Promise.all([
        this.shim.exchange([...upTo(complete, stream.pieces), ...echo, tail], until),
        this.server.exchange([stream.bytes.subarray(0, complete), ...echo, tail], until),
      ]);
      if (!onlyOurs.test(shim.text)) {
        if (!this.alike(shim, server)) throw new Error(`they differ:\n${show(shim)}\n${show(server)}`);
        same = tail.length === 0;
      }
    } finally {
      // Whatever they did differently, or were left in the middle of, is forgotten.
      if (!same) this.close();
    }
  }

  /** The next stream finds new connections and no keys. */
  close(): void {
    this.shim.close();
    this.server.close();
  }
}

/** One of the two, over one connection until it is closed. */
class Side {
  private socket: Socket | undefined;
  private text = "";

  constructor(
    private readonly url: string,
    private readonly protocol: 2 | 3,
    private readonly database: 0 | 1,
  ) {}

  /** Sends, and reads until an answer ends in `until` or, without, until the other side closes. */
  async exchange(pieces: readonly Buffer[], until: string | undefined): Promise<Answer> {
    const socket = this.socket ?? (await this.open());
    this.text = "";
    for (const piece of pieces) if (piece.length > 0) socket.write(piece);
    const silence = AbortSignal.timeout(PATIENCE_MS);
    while (!socket.closed && !(until !== undefined && this.text.endsWith(until))) {
      if (silence.aborted) throw new Error(`no answer but ${JSON.stringify(this.text.slice(-300))} from ${this.url}`);
      // Silence shows in the next turn of the loop.
      await once(socket, "step", { signal: silence }).catch(() => undefined);
    }
    if (socket.closed) this.socket = undefined;
    return { text: this.text, closed: socket.closed };
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private async open(): Promise<Socket> {
    const { hostname, port, username, password } = new URL(this.url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
      socket.emit("step");
    });
    // A reset is a close like any other; the text says what came before.
    socket.on("error", () => undefined).on("close", () => socket.emit("step"));
    this.socket = socket;
    const hello = ["HELLO", String(this.protocol), "AUTH", username, password];
    const greeting = [hello, ["FLUSHALL"], ["SELECT", String(this.database)], ["ECHO", "hello"]];
    await this.exchange(
      greeting.map((words) => encodeRequest(words)),
      "$5\r\nhello\r\n",
    );
    return socket;
  }
}

/** Where the last whole command ends, and whether the bytes stop being RESP. */
function whereItEnds(bytes: Buffer): { readonly complete: number; readonly broken: boolean } {
  const scanner = Object.assign(new RequestScanner({ lookup: () => undefined }), { authenticated: true });
  scanner.feed(bytes);
  for (let event = scanner.next(); event !== "more"; event = scanner.next()) {
    if (event === "error") return { complete: bytes.length, broken: true };
  }
  return { complete: scanner.withinCommand ? scanner.start : bytes.length, broken: false };
}

/** The pieces' first so many bytes, cut as they were. */
function upTo(length: number, pieces: readonly Buffer[]): Buffer[] {
  let left = length;
  return pieces.map((piece) => {
    const part = piece.subarray(0, left);
    left -= part.length;
    return part;
  });
}

/** A server that closes over bytes it has not read resets the connection, which may take its last replies along. */
function alike(shim: Answer, server: Answer): boolean {
  if (shim.closed !== server.closed) return false;
  const [one, other] = [comparable(shim), comparable(server)];
  return shim.closed ? one.startsWith(other) || other.startsWith(one) : one === other;
}

function alikeInNumber(shim: Answer, server: Answer): boolean {
  return shim.closed === server.closed && (shim.closed || repliesIn(shim) === repliesIn(server));
}

function repliesIn({ text }: Answer): number {
  const bytes = Buffer.from(text, "latin1");
  const scanner = new ReplyScanner();
  let count = 0;
  for (let at = 0; at < bytes.length; count++) at = scanner.scan(bytes, at);
  return count;
}

/** Of a command that it does not gather, the shim shows the name alone; and connections have numbers of their own. */
function comparable({ text }: Answer): string {
  return text.replace(/(with args beginning with:)[^\r]*/g, "$1").replace(/(\r\nid\r\n:)\d+/g, "$1");
}

function show({ text, closed }: Answer): string {
  return `${JSON.stringify(text.length > 2000 ? `${text.slice(0, 1000)} … ${text.slice(-1000)}` : text)}${closed ? " and closed" : ""}`;
}
