import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { CommandError } from "../../shim/replication/commandArguments";
import { normalise } from "../../shim/replication/normalisation";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const stamp = { ms: 1_700_000_000_000, counter: 2, origin: 3 };

function normalised(line: string): string {
  const words = line.split(" ");
  try {
    return normalise(
      words[0]!.toUpperCase(),
      words.map((word) => Buffer.from(word)),
      stamp,
    ).join(" ");
  } catch (error) {
    if (error instanceof CommandError) return `-${error.message}`;
    throw error;
  }
}

describe("normalisation", () => {
  it.each([
    ["set k v", "SET k v"],
    ["SET k v EX 10", "SET k v PXAT 1700000010000"],
    ["SET k v px 10 nx", "SET k v NX PXAT 1700000000010"],
    ["SET k v EXAT 1800000000 GET", "SET k v GET PXAT 1800000000000"],
    ["SET k v PXAT 5", "SET k v PXAT 5"],
    ["SET k v KEEPTTL", "SET k v KEEPTTL"],
    ["SET k v IFEQ old EX 1", "SET k v IFEQ old PXAT 1700000001000"],
    ["SETEX k 10 v", "SET k v PXAT 1700000010000"],
    ["PSETEX k 10 v", "SET k v PXAT 1700000000010"],
    ["DEL a b", "UNLINK a b"],
    ["GETDEL a", "UNLINK a"],
    ["EXPIRE k 10 NX", "PEXPIREAT k 1700000010000 NX"],
    ["PEXPIRE k -10", "PEXPIREAT k 1699999999990"],
    ["EXPIREAT k 1800000000 GT", "PEXPIREAT k 1800000000000 GT"],
    ["PEXPIREAT k 5", "PEXPIREAT k 5"],
    ["GETEX k EX 10", "GETEX k PXAT 1700000010000"],
    ["GETEX k persist", "GETEX k PERSIST"],
    ["HEXPIRE k 10 LT FIELDS 1 f", "HPEXPIREAT k 1700000010000 LT FIELDS 1 f"],
    ["HPEXPIREAT k 5 FIELDS 1 f", "HPEXPIREAT k 5 FIELDS 1 f"],
    ["HGETEX k EX 1 FIELDS 1 ex", "HGETEX k PXAT 1700000001000 FIELDS 1 ex"],
    ["HSETEX k FNX PX 1 FIELDS 1 f v", "HSETEX k FNX PXAT 1700000000001 FIELDS 1 f v"],
    ["MSETEX 2 a EX b 10 ex 10 nx", "MSETEX 2 a EX b 10 NX PXAT 1700000010000"],
    ["MSETEX 1 a 1 KEEPTTL XX", "MSETEX 1 a 1 KEEPTTL XX"],
    ["MSETEX 1 a 1 PXAT 5", "MSETEX 1 a 1 PXAT 5"],
    ["MSETEX 2 a 1 b", "-ERR wrong number of key-value pairs"],
    ["MSETEX a 1 EX 10", "-ERR invalid numkeys value"],
    ["MSETEX 0 a 1", "-ERR invalid numkeys value"],
    ["MSETEX 2147483648 a 1", "-ERR invalid numkeys value"],
    ["MSETEX 1 a 1 EX 10 PX 10", "-ERR syntax error"],
    ["MSETEX 1 a 1 EX 10 KEEPTTL", "-ERR syntax error"],
    ["MSETEX 1 a 1 NX XX", "-ERR syntax error"],
    ["MSETEX 1 a 1 b 2", "-ERR syntax error"],
    ["MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command"],
    ["INCREX k", "INCREX k"],
    ["INCREX k EX 10 ENX byint 5", "INCREX k BYINT 5 ENX PXAT 1700000010000"],
    [
      "INCREX k BYFLOAT 0.5 LBOUND -1 UBOUND 9 SATURATE PX 1",
      "INCREX k BYFLOAT 0.5 LBOUND -1 UBOUND 9 SATURATE PXAT 1700000000001",
    ],
    ["INCREX k PERSIST XX", "INCREX k PERSIST XX"],
    ["INCREX k PERSIST EX 5", "-ERR syntax error"],
    ["INCREX k EX 0", "-ERR invalid expire time in 'increx' command"],
    ["INCREX k BYINT", "-ERR syntax error"],
    ["RESTORE k 10 payload", "RESTORE k 1700000000010 payload ABSTTL"],
    ["RESTORE k 0 payload REPLACE", "RESTORE k 0 payload ABSTTL REPLACE"],
    ["RESTORE k 99 payload ABSTTL FREQ 5", "RESTORE k 99 payload ABSTTL FREQ 5"],
    ["XADD s * f v", "XADD s 1700000000000-8589934595 f v"],
    ["XADD s NOMKSTREAM MAXLEN ~ 5 LIMIT 3 7-* f v", "XADD s NOMKSTREAM MAXLEN = 5 7-* f v"],
    ["XTRIM s MINID ~ 5-1", "XTRIM s MINID = 5-1"],
    ["XTRIM s MAXLEN 5", "XTRIM s MAXLEN 5"],
    ["XADD s 7-7 f *", "XADD s 7-7 f *"],
    ["COPY a b DB 1 REPLACE", "COPY a b REPLACE"],
    ["COPY a b DB 0", "-ERR DB index is out of range"],
    ["FLUSHALL ASYNC", "FLUSHALL"],
    ["BLPOP a b 0", "LMPOP 2 a b LEFT"],
    ["BRPOP a 1.5", "LMPOP 1 a RIGHT"],
    ["BZPOPMIN a 0", "ZMPOP 1 a MIN"],
    ["BZPOPMAX a 0", "ZMPOP 1 a MAX"],
    ["BLMOVE a b LEFT RIGHT 0", "LMOVE a b LEFT RIGHT"],
    ["BRPOPLPUSH a b 0", "RPOPLPUSH a b"],
    ["BLMPOP 0 1 a LEFT COUNT 2", "LMPOP 1 a LEFT COUNT 2"],
    ["BZMPOP 0 1 a MIN", "ZMPOP 1 a MIN"],
    ["incrby n 5", "INCRBY n 5"],
  ])("%s → %s", (line, expected) => {
    expect(normalised(line)).toBe(expected);
  });
});

describeWithServer("normalisation's errors", () => {
  let server: ConnectedServer;
  let client: Redis;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
  });

  afterAll(() => server.close());

  it.each([
    "SET k v EX abc",
    "SET k v BOGUS",
    "SET k v NX XX",
    "SET k v EX 10 PX 10",
    "SET k v EX",
    "SET k v EX 0",
    "SET k v EX 9223372036854775807",
    "SET k v PX 9223372036854775807",
    "SET k v PX 9223372036854775808",
    "SET k v EX 010",
    "SET k v KEEPTTL EX 5",
    "SET k v EX abc KEEPTTL",
    "SETEX k 0 v",
    "SETEX k x v",
    "SETEX k 9223372036854775 v",
    "PSETEX k -1 v",
    "EXPIRE k x",
    "EXPIRE k 5 FOO",
    "EXPIRE k x FOO",
    "EXPIRE k 5 NX GT",
    "EXPIRE k 5 GT LT",
    "EXPIRE k 9223372036854775807",
    "EXPIRE k -9223372036854775807",
    "EXPIREAT k 9223372036854775807",
    "PEXPIRE k 9223372036854775807",
    "GETEX k FOO",
    "GETEX k PERSIST EX 3",
    "RESTORE k x abc",
    "RESTORE k -1 abc",
    "RESTORE k 0 abc FOO",
    "RESTORE k 0 abc IDLETIME -1",
    "RESTORE k 0 abc FREQ 256",
    "XADD s foo a b",
    "XADD s * a b c",
    "XADD s 18446744073709551616-1 a b",
    "XADD s 18446744073709551616-* a b",
    "XADD s 5-** a b",
    "XADD s *-5 a b",
    "XADD s MAXLEN x * a b",
    "MSET a b c",
    "MSETNX a b c",
    "COPY a b FOO",
    "COPY a b DB x",
    "FLUSHALL FOO",
    "FLUSHALL ASYNC SYNC",
    "BLPOP a b",
    "BLPOP a -1",
    "BLMOVE a b LEFT RIGHT x",
    "BLMPOP x 1 a LEFT",
  ])("are the server's own: %s", async (line) => {
    const [name, ...args] = line.split(" ");
    const theirs = await client.call(name!, ...args).then(String, (error: Error) => `-${error.message}`);
    expect(normalised(line)).toBe(theirs);
  });
});
