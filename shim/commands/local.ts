// Commands that the shim answers itself, alike on both databases. The texts are Redis's own.
import { encodeBulk, encodeError, encodeMap, encodeSimple, type Protocol } from "../resp/encoder";
import { hasArity, printable, wrongArity } from "./form";
import { isInteger, notAnInteger } from "./integer";
import type { CommandSpecification } from "./specification";
import { noPermission, type Principal, type Users } from "./users";

/** What a session may be told by a local command. */
export interface LocalSession {
  readonly id: number;
  protocol: Protocol;
  database: 0 | 1;
  /** Absent until it has authenticated. */
  user: Principal | undefined;
}

/** What the answers draw on. */
export interface LocalSources {
  readonly users: Users;
  /** Whether CLIENT SETINFO and CLIENT SETNAME are answered OK. */
  readonly clientNames: boolean;
  /** What the cluster calls itself. */
  identity(): { readonly server: string; readonly version: string };
  /** The reply to INFO for these sections, in lower case. */
  info(sections: readonly string[]): Promise<string>;
}

/** An answer; a promise where the cluster must be asked. */
export type LocalAnswer = Buffer | Promise<Buffer>;

const ok = encodeSimple("OK");

const noAuthHello =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> " +
  "option can be used to authenticate the client and select the RESP protocol version at the same time";
const wrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
const syntaxError = "ERR syntax error";

/** Commands that may be sent before authentication. */
export const openCommands: ReadonlySet<string> = new Set(["AUTH", "HELLO", "QUIT", "RESET"]);

/** Answers a command whose rule is `local`, and changes the session by it. */
export function answerLocally(
  command: CommandSpecification,
  words: readonly Buffer[],
  session: LocalSession,
  sources: LocalSources,
): LocalAnswer {
  if (!hasArity(command, words.length)) return encodeError(wrongArity(command.name));
  const [, first, second] = words;
  switch (command.name) {
    case "PING":
      if (words.length > 2) return encodeError(wrongArity("PING"));
      return first ? encodeBulk(first) : encodeSimple("PONG");
    case "ECHO":
      return encodeBulk(first ?? Buffer.alloc(0));
    case "SELECT":
      return select(String(first), session);
    case "AUTH":
      if (words.length > 3) return encodeError(syntaxError);
      return authenticate(second ? String(first) : "default", second ?? first, session, sources)
        ? ok
        : encodeError(wrongPassword);
    case "HELLO":
      return hello(words.slice(1), session, sources);
    case "RESET":
      Object.assign(session, { protocol: 2, database: 0, user: undefined } satisfies Partial<LocalSession>);
      return encodeSimple("RESET");
    case "INFO":
      return info(words.slice(1), session, sources);
    default:
      // QUIT, READONLY and READWRITE change nothing here: the session closes itself, and all reads are alike.
      return ok;
  }
}

/** What is wrong with AUTH or SELECT of which an argument is longer than any name, password or number. */
export function overlongError(command: CommandSpecification, argumentCount: number): string | undefined {
  if (command.name !== "AUTH" && command.name !== "SELECT") return undefined;
  if (!hasArity(command, argumentCount)) return wrongArity(command.name);
  if (command.name === "SELECT") return notAnInteger;
  return argumentCount > 3 ? syntaxError : wrongPassword;
}

function select(index: string, session: LocalSession): Buffer {
  if (!isInteger(index)) return encodeError(notAnInteger);
  if (Number(index) < -(2 ** 31) || Number(index) >= 2 ** 31) {
    return encodeError("ERR value is out of range, value must between -2147483648 and 2147483647");
  }
  if (index !== "0" && index !== "1") return encodeError("ERR DB index is out of range");
  if (index === "1" && session.user?.database1 === false) {
    return encodeError(noPermission(session.user, "select database 1"));
  }
  session.database = index === "0" ? 0 : 1;
  return ok;
}

function authenticate(
  name: string,
  password: Buffer | undefined,
  session: LocalSession,
  sources: LocalSources,
): boolean {
  const user = sources.users.authenticate(name, password ?? Buffer.alloc(0));
  if (!user) return false;
  session.user = user;
  // Whoever comes in may not use what the one before had selected.
  if (!user.database1) session.database = 0;
  return true;
}

/** HELLO [protover [AUTH user password] [SETNAME name]], the options in any order; refused as a whole or done. */
function hello(words: readonly Buffer[], session: LocalSession, sources: LocalSources): Buffer {
  const [version, ...options] = words.map((word) => word.toString("latin1"));
  if (version !== undefined && !isInteger(version)) {
    return encodeError("ERR Protocol version is not an integer or out of range");
  }
  if (version !== undefined && version !== "2" && version !== "3")
    return encodeError("NOPROTO unsupported protocol version");
  let credentials: readonly [string, Buffer | undefined] | undefined;
  for (let at = 0; at < options.length; ) {
    const option = printable(words[at + 1]);
    const left = options.length - at - 1;
    if (/^auth$/i.test(option) && left >= 2) {
      credentials = [options[at + 1] ?? "", words[at + 3]];
      at += 3;
    } else if (/^setname$/i.test(option) && left >= 1) {
      if (/[^!-~]/.test(options[at + 1] ?? "")) {
        return encodeError("ERR Client names cannot contain spaces, newlines or special characters.");
      }
      at += 2;
    } else {
      return encodeError(`ERR Syntax error in HELLO option '${option}'`);
    }
  }
  if (credentials && !authenticate(...credentials, session, sources)) return encodeError(wrongPassword);
  if (!session.user) return encodeError(noAuthHello);
  if (version !== undefined) session.protocol = version === "3" ? 3 : 2;
  const { server, version: serverVersion } = sources.identity();
  const text = (value: string): Buffer => encodeBulk(Buffer.from(value));
  return encodeMap(
    [
      ["server", text(server)],
      ["version", text(serverVersion)],
      ["proto", Buffer.from(`:${session.protocol}\r\n`)],
      ["id", Buffer.from(`:${session.id}\r\n`)],
      ["mode", text("standalone")],
      ["role", text("master")],
      ["modules", Buffer.from("*0\r\n")],
    ],
    session.protocol,
  );
}

async function info(words: readonly Buffer[], { protocol }: LocalSession, sources: LocalSources): Promise<Buffer> {
  const text = await sources.info(words.map((word) => word.toString("latin1").toLowerCase()));
  // RESP3 has it as a verbatim string, whose length counts the format's four bytes.
  return protocol === 3
    ? Buffer.from(`=${Buffer.byteLength(text) + 4}\r\ntxt:${text}\r\n`)
    : encodeBulk(Buffer.from(text));
}

/** Whether it is CLIENT SETINFO or CLIENT SETNAME, which drivers send at connect. */
export function namesClient(words: readonly Buffer[]): boolean {
  const [name, subcommand] = words.map((word) => word.toString("latin1").toUpperCase());
  return (
    name === "CLIENT" &&
    ((subcommand === "SETINFO" && words.length === 4) || (subcommand === "SETNAME" && words.length === 3))
  );
}
