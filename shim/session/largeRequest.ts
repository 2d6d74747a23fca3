// A request too large to be gathered: its bytes go to a lane or to replication as they come, or are passed over where it
// was answered already. Alone on its lane, so that it can be given up with the lane where the rest of it is no RESP.
import type { CommandEntry } from "../commands/commandTable";
import { calledCommand, hasArity, unknownCommand, wrongArity } from "../commands/form";
import { overlongError } from "../commands/local";
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

/** Where the bytes of a large request go. */
export interface Destination {
  write(bytes: Buffer): void;
  readonly congested: boolean;
  onceDrained(callback: () => void): void;
}

/** A large request that is under way. */
export interface LargeRequest {
  /** Absent where it was answered already. */
  readonly to: Destination | undefined;
  /** All of it was sent. */
  end(): void;
  /** The rest will never come. */
  abandon(): void;
}

/** Passes a request over. */
export const answered: LargeRequest = { to: undefined, end() {}, abandon() {} };

/** Passes a request on to the cluster. @param mayBlock whether it may block once it is complete */
export function toLane(lane: Lane, mayBlock: boolean, outlet: Outlet): LargeRequest {
  lane.uploading = true;
  return {
    to: lane,
    end() {
      lane.uploading = false;
      // Its arguments are gone, its timeout with them.
      lane.blocksMs = mayBlock ? Number.POSITIVE_INFINITY : 0;
    },
    // The cluster must not wait for the rest, nor the client for its answer.
    abandon() {
      outlet.forget();
      lane.destroy();
    },
  };
}

/** How the shim itself answers a large request; undefined where it goes to the cluster, or to all regions. */
export function answerLarge({ entry, argumentCount, begun, limitBytes, database, user, typed }: LargeHead) {
  if (!entry) return encodeError(unknownCommand(parseArguments(begun()).slice(0, 1)));
  const { specification } = entry;
  const rule = database === 0 ? entry.regional : entry.virtual;
  if (rule === "refuse") return encodeError(refusalText(String(parseArguments(begun())[0]?.toString("latin1"))));
  const words = specification.subcommands.size > 0 ? parseArguments(begun()) : [];
  const prohibited = user && rule !== "local" ? prohibition(user, calledCommand(specification, words)) : undefined;
  if (prohibited !== undefined) return encodeError(prohibited);
  if (database === 0 && (rule === "forward" || rule === "private" || streamed.has(specification.name)))
    return undefined;
  const taken = database === 1 && (rule === "accept" || (rule === "acknowledge" && !typed));
  if (!taken) {
    const error = overlongError(specification, argumentCount);
    return encodeError(error ?? `ERR command is too large for database ${database} (at most ${limitBytes} bytes)`);
  }
  if (!hasArity(specification, argumentCount)) return encodeError(wrongArity(specification.name));
  return rule === "acknowledge" ? ok : undefined;
}
