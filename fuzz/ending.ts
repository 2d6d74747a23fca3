// How a stream ends: within a command, or where it closes its own connection. A server that closes over bytes it has not
// read resets the connection, which may take its last replies along; so it must get none behind what makes it close.
import { CommandTable } from "@redis-on-fly/shim/dist/commands/commandTable";
import { answerLocally, type LocalSession, openCommands } from "@redis-on-fly/shim/dist/commands/local";
import { Users } from "@redis-on-fly/shim/dist/commands/users";
import { parseArguments, splitInline } from "@redis-on-fly/shim/dist/resp/arguments";
import { RequestScanner } from "@redis-on-fly/shim/dist/resp/requestScanner";
import { member } from "./streams";

/** How a stream ends. */
export interface Ending {
  /** Bytes of it that are whole commands; or that it takes to be closed. */
  readonly complete: number;
  /** Whether it closes its connection: by a fault, whose line may lack its end, or by a command. */
  readonly closes: "fault" | "command" | undefined;
  /** Where the command begins that closes it for want of a CR LF, which not every server looks for. */
  readonly unended: number | undefined;
  /** Whether it has changed who it is. */
  readonly reset: boolean;
  /** Where there are lines of nothing but white space, from their first byte to behind their end. */
  readonly blankLines: readonly (readonly [number, number])[];
}

const table = new CommandTable([]);
const rights = { write: true, database1: true, flushall: true };
const users = new Users([
  { name: "owner", passwords: [], ...rights },
  { name: member.name, passwords: [member.password], ...rights },
]);
const sources = {
  users,
  clientNames: false,
  identity: () => ({ server: "", version: "" }),
  info: () => Promise.resolve(""),
};

/** @param bytes what a client sends that has authenticated */
export function endingOf(bytes: Buffer): Ending {
  const session: LocalSession = {
    id: 0,
    protocol: 2,
    database: 0,
    user: users.authenticate(member.name, Buffer.from(member.password)),
  };
  const scanner = new RequestScanner(table);
  const blankLines: (readonly [number, number])[] = [];
  let reset = false;
  let unended: number | undefined;
  const ending = (complete: number, closes: Ending["closes"]): Ending => ({
    complete,
    closes,
    unended,
    reset,
    blankLines,
  });
  scanner.authenticated = true;
  scanner.feed(bytes);
  for (;;) {
    const event = scanner.next();
    if (event === "more") {
      return ending(scanner.withinCommand ? scanner.start : bytes.length, undefined);
    }
    if (event === "error") {
      if (scanner.error.endsWith("invalid CRLF in request")) unended = scanner.start;
      return ending(faultIn(bytes, scanner.start, scanner.authenticated), "fault");
    }
    if (event !== "command" && event !== "inline") continue;
    const frame = bytes.subarray(scanner.start, scanner.end);
    const words = event === "command" ? parseArguments(frame) : splitInline(frame.subarray(0, -1));
    if (!words) return ending(scanner.end, "command");
    if (words.length === 0 && !/^\r?\n$/.test(frame.toString("latin1"))) blankLines.push([scanner.start, scanner.end]);
    const [name] = words;
    const specification = name && table.lookup(name, 0, name.length)?.specification;
    if (!specification || !openCommands.has(specification.name)) continue;
    if (specification.name === "QUIT") return ending(scanner.end, "command");
    void answerLocally(specification, words, session, sources);
    scanner.authenticated = session.user !== undefined;
    reset = true;
  }
}

/** Just behind the byte that is wrong. */
function faultIn(bytes: Buffer, from: number, authenticated: boolean): number {
  const scanner = Object.assign(new RequestScanner(table), { authenticated });
  for (let at = from; at < bytes.length; at++) {
    scanner.feed(bytes.subarray(at, at + 1));
    if (scanner.next() === "error") return at + 1;
  }
  return bytes.length;
}
