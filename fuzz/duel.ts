// One shim and one plain server get the same bytes; their answers must be the same, byte for byte, and so must be whether
// they close the connection. On database 1, which answers otherwise, as many answers must come, each well-formed.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { ReplyScanner } from "@redis-on-fly/shim/dist/resp/replyScanner";
import { LARGE_REQUEST_BYTES } from "@redis-on-fly/shim/dist/session/largeRequest";
import { endingOf } from "./ending";
import { member, type Stream } from "./streams";
import { wellFormedReplies } from "./wellFormed";

/** What came back for a stream. */
interface Answer {
  readonly text: string;
  /** How it ended: with what it was to end with, with the close, or in silence. */
  readonly end: "expected" | "closed" | "silent";
}

/**
 * Nothing to Redis and to Valkey 9: a line of nothing but white space, and an array without elements. Valkey 8.0 takes
 * what follows such a line for a line as well, whatever it is.
 */
const stumbling = Buffer.from(" \r\n*0\r\n");
/** A request whose string does not end in CR LF, which Redis and older Valkeys take. */
const unendedPing = Buffer.from("*1\r\n$4\r\nPINGxx");
/** What makes them close as well. */
const fault = Buffer.from("*1\r\n$x");
const greet = encodeRequest(["ECHO", "hello"]);
const greeted = "$5\r\nhello\r\n";
/** A busy machine may take its time. */
const PATIENCE_MS = 60_000;
/** For what may rightly never be answered. */
const PATIENCE_WITH_BLOCKING_MS = 5000;
/** An answer that only the shim gives: from there on the two have done different things. */
const onlyOurs = /not supported by Redis on Fly|too large for database 0/;
/** What a broken stream may wait in for longer than we do. */
const blocking = /BLOCK|BLPOP|BRPOP|BLMOVE|BZPOPMIN/i;
const inCommand = encodeRequest(["AUTH", member.name, member.password]);
/** Makes the member known to the server. */
const introduction = ["ACL", "SETUSER", member.name, "on", `>${member.password}`, "~*", "&*", "+@all"];

export class Duel {
  private readonly shim: Side;
  private readonly server: Side;
  private readonly alike: (shim: Answer, server: Answer) => boolean;
  private rounds = 0;

  /** @param database that of the shim; the server's is 0 */
  constructor(shimUrl: string, serverUrl: string, protocol: 2 | 3, database: 0 | 1 = 0) {
    this.alike = database === 0 ? alike : alikeInNumber;
    const hello = ["HELLO", String(protocol)];
    this.shim = new Side(shimUrl, [hello, ["FLUSHALL"], ["SELECT", String(database)]]);
    this.server = new Side(serverUrl, [hello, ["FLUSHALL"], introduction]);
  }

  /** @throws Error where the two differ, with what each said */
  async run(stream: Stream): Promise<void> {
    const { complete, closes, unended, reset, blankLines } = endingOf(stream.bytes);
    // Echoed behind the last whole command, so that all before it is known to be answered.
    const mark = `mark ${this.rounds++}`;
    const until = closes ? undefined : `$${mark.length}\r\n${mark}\r\n`;
    const whole = stream.bytes.subarray(0, complete);
    const told = unended !== undefined && (await this.server.lenient()) ? replaced(whole, unended) : whole;
    const heard = (await this.server.stumbles()) ? without(blankLines, told) : told;
    const tail = stream.bytes.subarray(complete);
    // A server sees a faulty length only when its line has ended; the shim may get what it likes.
    const echo = closes ? [] : [inCommand, encodeRequest(["ECHO", mark]), tail];
    const [toShim, toServer] = closes
      ? [
          [...stream.pieces, Buffer.from("\r\n")],
          [heard, Buffer.from(closes === "fault" ? "\r\n" : "")],
        ]
      : [
          [...upTo(complete, stream.pieces), ...echo],
          [heard, ...echo],
        ];
    const mayBlock = blocking.test(stream.bytes.toString("latin1"));
    const patienceMs = mayBlock ? PATIENCE_WITH_BLOCKING_MS : PATIENCE_MS;
    let kept = false;
    try {
      const [shim, server] = await Promise.all([
        this.shim.exchange(toShim, until, patienceMs),
        this.server.exchange(toServer, until, patienceMs),
      ]);
      const hung = !mayBlock && [shim, server].some(({ end }) => end === "silent");
      if (!onlyOurs.test(shim.text) && !(reset && isCutOff(server, shim))) {
        const early = unended !== undefined && complete - unended > LARGE_REQUEST_BYTES;
        const same = this.alike(shim, server) || (early && this.alike(withoutEarly(shim), server));
        if (hung || !same) throw new Error(`they differ:\n${show(shim)}\n${show(server)}`);
        kept = shim.end === "expected" && tail.length === 0 && !reset;
      }
    } finally {
      // Whatever they did differently, or were left in the middle of, is forgotten.
      if (!kept) this.close();
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
  private stumbled = false;
  private takesUnended: boolean | undefined;

  /** @param greeting what it is told first, once it has authenticated */
  constructor(
    private readonly url: string,
    private readonly greeting: readonly (readonly string[])[],
  ) {}

  /** Sends, and reads until an answer is `until` or, without, until the other side closes. */
  async exchange(pieces: readonly Buffer[], until: string | undefined, patienceMs: number): Promise<Answer> {
    const socket = this.socket ?? (await this.open());
    this.text = "";
    for (const piece of pieces) if (piece.length > 0) socket.write(piece);
    const silence = AbortSignal.timeout(patienceMs);
    const ended = (): boolean => until !== undefined && this.text.includes(until);
    while (!socket.closed && !ended() && !silence.aborted) {
      // Silence shows in the next turn of the loop.
      await once(socket, "step", { signal: silence }).catch(() => undefined);
    }
    if (socket.closed) this.socket = undefined;
    if (until !== undefined && ended()) {
      // What follows answers a command that is large and not whole.
      const [text = ""] = this.text.split(until, 1);
      return { text: text + until, end: "expected" };
    }
    return { text: this.text, end: socket.closed ? "closed" : "silent" };
  }

  /** Whether it takes requests that do not end in CR LF. */
  async lenient(): Promise<boolean> {
    if (this.takesUnended === undefined) {
      const { end } = await this.exchange([unendedPing, greet], greeted, PATIENCE_MS);
      this.takesUnended = end === "expected";
    }
    return this.takesUnended;
  }

  /** Whether it takes what follows a line of white space for a line; see {@link stumbling}. */
  async stumbles(): Promise<boolean> {
    if (!this.socket) await this.open();
    return this.stumbled;
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
    const auth = ["AUTH", ...(username ? [username] : []), password];
    const { text, end } = await this.exchange(
      [...[auth, ...this.greeting].map((words) => encodeRequest(words)), stumbling, greet],
      greeted,
      PATIENCE_MS,
    );
    if (end !== "expected") throw new Error(`${this.url} answered ${JSON.stringify(text)} when greeted`);
    this.stumbled = text.includes("unknown command '*0'");
    return socket;
  }
}

/** Without its last reply but one: a large command is answered before the fault at its end comes. */
function withoutEarly(answer: Answer): Answer {
  return { ...answer, text: repliesIn(answer.text).toSpliced(-2, 1).join("") };
}

/** Another fault in place of the one that only some servers see. */
function replaced(bytes: Buffer, from: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), fault]);
}

function without(lines: readonly (readonly [number, number])[], bytes: Buffer): Buffer {
  const ends = [0, ...lines.map(([, end]) => end)];
  return Buffer.concat(ends.map((end, at) => bytes.subarray(end, lines[at]?.[0] ?? bytes.length)));
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

/** Whoever is nobody learns from the shim no more than that, where a server looks at the command first. */
const toNobody = { shim: "-NOAUTH Authentication required.\r\n", server: /^-ERR (unknown|wrong number)/ };

/** Servers cut off whoever is nobody and has a kilobyte of replies waiting, those from when it was somebody included. */
function isCutOff(server: Answer, shim: Answer): boolean {
  const [ours, theirs] = [comparable(shim), comparable(server)];
  return server.end === "closed" && ours.length > theirs.length && ours.startsWith(theirs);
}

function alike(shim: Answer, server: Answer): boolean {
  const [ours, theirs] = [repliesIn(comparable(shim)), repliesIn(comparable(server))];
  return (
    shim.end === server.end &&
    ours.length === theirs.length &&
    ours.every((reply, at) => {
      const other = theirs[at] ?? "";
      return reply === other || (reply === toNobody.shim && toNobody.server.test(other));
    })
  );
}

function alikeInNumber(shim: Answer, server: Answer): boolean {
  return shim.end === server.end && wellFormedReplies(shim.text).length === repliesIn(server.text).length;
}

/** The replies, the last one perhaps cut short. */
function repliesIn(text: string): string[] {
  const bytes = Buffer.from(text, "latin1");
  const scanner = new ReplyScanner();
  const replies: string[] = [];
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    end = scanner.scan(bytes, at);
    replies.push(bytes.toString("latin1", at, end));
  }
  return replies;
}

/**
 * Of a command that it does not gather, the shim shows the name alone; connections have numbers of their own; Valkey words
 * one error differently from Redis; and one fault may have replaced another.
 */
function comparable({ text }: Answer): string {
  return text
    .replace(/(with args beginning with:)[^\r]*/g, "$1")
    .replace(/(\r\nid\r\n:)\d+/g, "$1")
    .replaceAll("the HELLO <proto> AUTH", "the HELLO AUTH")
    .replace(/(Protocol error: invalid) (bulk length|CRLF in request)/, "$1 …");
}

function show({ text, end }: Answer): string {
  return `${JSON.stringify(text.length > 2000 ? `${text.slice(0, 1000)} … ${text.slice(-1000)}` : text)}, ${end}`;
}
