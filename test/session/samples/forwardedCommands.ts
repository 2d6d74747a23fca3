// Samples of all commands that go to the cluster, in the one order in which their replies are what they were written for.
import { collections } from "./collections";
import { commandsIn } from "./sample";
import { streams } from "./streams";
import { strings } from "./strings";

/** Also whatever is not of one type: dumped, blocking, unknown, about commands, and all keys at once. */
const others = commandsIn(`
  RESTORE restored 0 nonsense
  RESTORE restored 0 DUMPED
  GET restored
  BLPOP nothing 0.01
  RPUSH filled 1 2 3
  BLPOP filled 0.01
  BRPOP nothing filled 0.01
  BLMOVE nothing m LEFT RIGHT 0.01
  BRPOPLPUSH nothing m 0.01
  BLMPOP 0.01 1 nothing LEFT
  BZPOPMIN nothing 0.01
  ZADD z 1 a
  BZPOPMAX z 0.01
  BZMPOP 0.01 1 nothing MIN
  XREAD BLOCK 10 STREAMS x $
  BLPOP l abc
  BLPOP l -1
  DBSIZE_NO_SUCH
  NOSUCH
  NOSUCH a b "" c
  GETS s
  COMMAND COUNT
  COMMAND INFO get nothing
  COMMAND GETKEYS mset a 1 b 2
  COMMAND GETKEYS get
  COMMAND GETKEYS ping
  COMMAND GETKEYS nosuch a
  COMMAND GETKEYSANDFLAGS set a b
  COMMAND HELP
  COMMAND DOCS get
  COMMAND LIST FILTERBY PATTERN xlen
  COMMAND NOSUCH
  FLUSHALL
  FLUSHALL ASYNC
  FLUSHALL NOW
  EXISTS s h l set z
`);

export const forwardedCommands: readonly string[][] = [...strings, ...collections, ...streams, ...others];
