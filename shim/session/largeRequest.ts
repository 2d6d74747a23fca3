// A request too large to be gathered: its bytes go to a lane as they come, or are passed over where it was answered
// already. Alone on its lane, so that it can be given up with the lane where the rest of it is no RESP.
import type { CommandEntry } from "../commands/commandTable";
import { hasArity, unknownCommand, wrongArity } from "../commands/form";
import { refusalText } from "../commands/policy";
import { type Principal, prohibition } from "../commands/users";
import { parseArguments } from "../resp/arguments";
import { encodeError, encodeSimple } from "../resp/encoder";
import type { Lane } from "../upstream/lane";
import type { Outlet } from "./outlet";

/** Requests over this size stream through a lane of the session's own. */
export const LARGE_REQUEST_BYTES = 64 * 1024;

/** Local commands that the cluster answers just as well, and inspected ones, which may block. */
const streamed = new Set(["PING", "ECHO", "XREAD", "XREADGROUP"]);
const ok = encodeSimple("OK");

/** A large request and its client, as far as its answer depends on them. */
export interface LargeHead {
  readonly entry: CommandEntry | undefined;
  /** The command's name included. */
  readonly argumentCount: number;
  /** Its first bytes, or some of them. */
  readonly begun: () => Buffer;
  /** What it is too large for where it cannot be passed on. */
  readonly limitBytes: number;
  readonly database: 0 | 1;
  readonly user: Principal | undefined;
  /** Whether database 1 answers in commands' own types. */
  readonly typed: boolean;
}

export class LargeRequest {
  /**
   * @param lane where it goes; absent where it was answered already
   * @param mayBlock whether it may block once it is complete
   */
  constructor(
    readonly lane: Lane | undefined,
    private readonly mayBlock: boolean,
  ) {}

  write(bytes: Buffer): void {
    this.lane?.write(bytes);
  }

  /** All of it was sent: until now silence of the cluster meant nothing. */
  end(): void {
    if (this.lane) this.lane.blocking = this.mayBlock;
  }

  /** The rest will never come: the cluster must not wait for it, nor the client for its answer. */
  abandon(outlet: Outlet): void {
    if (!this.lane) return;
    outlet.forget();
    this.lane.destroy();
  }
}

/** How the shim itself answers a large request; undefined where it goes to the cluster. */
export function answerLarge({ entry, argumentCount, begun, limitBytes, database, user, typed }: LargeHead) {
  if (!entry) return encodeError(unknownCommand(parseArguments(begun()).slice(0, 1)));
  const { specification } = entry;
  const rule = database === 0 ? entry.regional : entry.virtual;
  if (rule === "refuse") return encodeError(refusalText(String(parseArguments(begun())[0]?.toString("latin1"))));
  const prohibited = user && prohibition(user, specification);
  if (prohibited !== undefined) return encodeError(prohibited);
  if (database === 0 && (rule === "forward" || rule === "private" || streamed.has(specification.name)))
    return undefined;
  if (rule !== "acknowledge" || typed) {
    return encodeError(`ERR command is too large for database ${database} (at most ${limitBytes} bytes)`);
  }
  return hasArity(specification, argumentCount) ? ok : encodeError(wrongArity(specification.name));
}
