// What typed replies take from a command's own words: numbers as Redis reads and writes them, and options where options
// may stand. Whatever the words are, a reply is one well-formed reply.
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { wellFormedReplies } from "../../fuzz/wellFormed";
import { typedAnswers, typedReply } from "../../shim/commands/typedReplies";
import type { Protocol } from "../../shim/resp/encoder";
import { commandsIn, nameOf } from "../session/samples/sample";

function replyTo(words: readonly string[], protocol: Protocol): string {
  const bytes = words.map((word) => Buffer.from(word, "latin1"));
  return typedReply(nameOf(words), bytes, protocol).toString("latin1");
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** A command in each line, behind it what it is answered. */
function table(text: string): [command: string, answer: string][] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(" => ").map((part) => part.trim()) as [string, string]);
}

const integers = table(`
  SETRANGE k 5 abc => 8
  SETRANGE k 5 "" => 0
  SETRANGE k 536870911 v => 536870912
  SETRANGE k 536870912 v => 0
  SETRANGE k 9223372036854775807 v => 0
  SETRANGE k abc v => 0
  SETRANGE k 1.5 v => 0
  SETRANGE k 1e30 v => 0
  SETRANGE k 0x10 v => 0
  SETRANGE k -5 v => 0
  SETRANGE k -5 abcdefgh => 0
  SETRANGE k "" v => 0
  INCRBY k 9223372036854775807 => 9223372036854775807
  INCRBY k -9223372036854775808 => -9223372036854775808
  INCRBY k 9223372036854775808 => 0
  INCRBY k 99999999999999999999 => 0
  INCRBY k +5 => 0
  INCRBY k 05 => 0
  INCRBY k abc => 0
  HINCRBY h f -7 => -7
  HINCRBY h f nan => 0
  DECRBY k 5 => -5
  DECRBY k -9223372036854775807 => 9223372036854775807
  DECRBY k -9223372036854775808 => 0
  ZADD z 1 INCR => 1
  ZADD z 1 NX 2 XX => 2
  ZADD z NX CH 1 a 2 b => 2
  ZADD incr 1 a => 1
  BITPOS k 1 => -1
  BITPOS k 0 => 0
  LCS a b LEN => 0
  LCS LEN IDX len => 0
`);

const doubles = table(`
  ZINCRBY z 1.5 m => 1.5
  ZINCRBY z 1e3 m => 1000
  ZINCRBY z 1e21 m => 1e+21
  ZINCRBY z .5 m => 0.5
  ZINCRBY z +5. m => 5
  ZINCRBY z -0x10 m => -16
  ZINCRBY z inf m => inf
  ZINCRBY z +inf m => inf
  ZINCRBY z -Infinity m => -inf
  ZINCRBY z 1e400 m => 0
  ZINCRBY z nan m => 0
  ZINCRBY z 1x m => 0
  ZINCRBY z "" m => 0
  ZADD z INCR inf m => inf
  ZADD z incr -inf m => -inf
  ZADD z NX CH INCR 2.5 m => 2.5
  ZADD z INCR abc m => 0
`);

const texts = table(`
  INCRBYFLOAT f 3.0e3 => 3000
  INCRBYFLOAT f 5.00 => 5
  INCRBYFLOAT f 0.1 => 0.1
  INCRBYFLOAT f 1e21 => 1000000000000000000000
  INCRBYFLOAT f -1e-7 => -0.0000001
  INCRBYFLOAT f 1e-30 => 0
  INCRBYFLOAT f -1e-30 => 0
  INCRBYFLOAT f abc => 0
  INCRBYFLOAT f inf => 0
  HINCRBYFLOAT h f 10.50 => 10.5
  HINCRBYFLOAT h f nan => 0
  LCS a LEN => ""
  LCS IDX b => ""
  XADD x 7-7 f v => 7-7
  XADD x 7 f v => 7-0
  XADD x 7-* f v => 7-0
  XADD x MAXLEN ~ 5 7-7 f 8-8 => 7-7
  XADD x KEEPREF MINID 1-1 LIMIT 9 7-7 f v => 7-7
  XADD x IDMP 1-1 2-2 7-7 f v => 7-7
  XADD NOMKSTREAM 7-7 f v => 7-7
`);

const others: readonly (readonly [command: string, resp2: string, resp3: string])[] = [
  ["SET k GET", "+OK", "+OK"],
  ["SET GET GET", "+OK", "+OK"],
  ["SET GET v get", "$-1", "_"],
  ["SET k v EX 5 GET", "$-1", "_"],
  ["SET k v IFEQ GET", "+OK", "+OK"],
  ["SET k v IFEQ GET GET", "$-1", "_"],
  ["LPOS l COUNT", "$-1", "_"],
  ["LPOS COUNT COUNT", "$-1", "_"],
  ["LPOS l COUNT RANK 1", "$-1", "_"],
  ["LPOS l v RANK 1 COUNT 0", "*0", "*0"],
  ["XADD x NOMKSTREAM * f v", "$-1", "_"],
  ["XADD x MAXLEN = 5 NOMKSTREAM 1-1 f v", "$-1", "_"],
  ["ZRANK z m", "$-1", "_"],
  ["ZREVRANK z WITHSCORE", "$-1", "_"],
  ["ZRANK z m WITHSCORE", "*-1", "_"],
  ["HTTL h FIELDS 1 FIELDS", "*1\r\n:-2", "*1\r\n:-2"],
  ["HGETEX h FIELDS 2 f g EX 10", "*2\r\n$-1\r\n$-1", "*2\r\n_\r\n_"],
  ["HTTL h FIELDS 1000000000 f", "*1\r\n:-2", "*1\r\n:-2"],
  ["XACKDEL x IDS IDS 1 1-1", "*1\r\n:-1", "*1\r\n:-1"],
  ["XDELEX x KEEPREF IDS 2 1-1 2-2", "*2\r\n:-1\r\n:-1", "*2\r\n:-1\r\n:-1"],
  ["INCREX k BYINT 5", "*2\r\n:5\r\n:5", "*2\r\n:5\r\n:5"],
  ["INCREX k EX 10", "*2\r\n:1\r\n:1", "*2\r\n:1\r\n:1"],
  ["INCREX k LBOUND 0 BYFLOAT 1.5", "*2\r\n$3\r\n1.5\r\n$3\r\n1.5", "*2\r\n,1.5\r\n,1.5"],
];

describe.each([2, 3] as const)("in RESP%d", (protocol: Protocol) => {
  const to = (command: string) => replyTo(commandsIn(command)[0]!, protocol);

  test.each(integers)("%s => :%s", (command, answer) => {
    expect(to(command)).toBe(`:${answer}\r\n`);
  });

  test.each(doubles)("%s => %s", (command, answer) => {
    expect(to(command)).toBe(protocol === 3 ? `,${answer}\r\n` : bulk(answer));
  });

  test.each(texts)("%s => %s", (command, answer) => {
    expect(to(command)).toBe(bulk(answer === '""' ? "" : answer));
  });

  test.each(others)("%s", (command, resp2, resp3) => {
    expect(to(command)).toBe(`${protocol === 3 ? resp3 : resp2}\r\n`);
  });

  test.each(["XADD x * a 1-1", "XADD s * NOMKSTREAM v", "XADD x MAXLEN 5 * 1-1 2-2"])("%s has a new ID", (command) => {
    expect(to(command)).toMatch(/^\$15\r\n\d{13}-0\r\n$/);
  });
});

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** What commands take for numbers, options and IDs, and what they nearly do. */
const telling = commandsIn(`
  0 1 -1 -5 007 1.5 .5 5. 1e3 1e30 1e-9 1e400 0x10 +1 inf +inf -INF infinity nan NaN Infinity 0xg 1e -
  9223372036854775807 9223372036854775808 -9223372036854775808 99999999999999999999 536870911 1-1 7-* 0-0 5 * ~ = ""
  GET SET INCRBY OVERFLOW NX XX EX GT CH INCR COUNT RANK LEN IDX NOMKSTREAM MAXLEN MINID LIMIT FIELDS IDS BYFLOAT BYINT
  IDMP WITHSCORE incr get
`).flat();
const words = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...telling) },
    fc.string({ unit: "binary-ascii", maxLength: 8 }),
    fc.constantFrom("\r\n", "\r\n:1\r\n", "\xff\x00", "x".repeat(1000), "9".repeat(400)),
  ),
  { maxLength: 9 },
);

test(`whatever the words, there is one well-formed reply of the command's types, SEED=${seed}`, () => {
  const names = [...typedAnswers.keys()];
  fc.assert(
    fc.property(fc.constantFrom(...names), words, fc.constantFrom(2, 3), (name, rest, protocol) => {
      const replies = wellFormedReplies(replyTo([...name.split("|"), ...rest], protocol), protocol);
      expect(replies).toHaveLength(1);
      expect(replies[0]).not.toMatch(/^-/);
    }),
    { seed, numRuns: 20_000 },
  );
});

test("a number of sixty thousand digits costs no time", () => {
  const digits = "9".repeat(60_000);
  const begun = performance.now();
  for (const end of ["", "x", "e", "."]) {
    replyTo(["ZINCRBY", "z", `${digits}${end}`, "m"], 2);
    replyTo(["INCRBYFLOAT", "f", `${digits}${end}`], 2);
    replyTo(["INCRBY", "k", `${digits}${end}`], 2);
    replyTo(["XADD", "x", `${digits}${end}`, "f", "v"], 2);
  }
  expect(performance.now() - begun).toBeLessThan(200);
});
