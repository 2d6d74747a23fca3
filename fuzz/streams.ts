// Random byte streams as a client might send them, good and bad.

import { typedAnswers } from "@redis-on-fly/shim/dist/commands/typedReplies";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import fc from "fast-check";

/** A stream, and the sizes of the pieces that the network delivers it in. */
export interface Stream {
  readonly bytes: Buffer;
  readonly pieces: readonly Buffer[];
}

/** A user of both sides, who comes and goes in the streams. */
export const member = { name: "member", password: "password-of-the-member" };
/** What tells a shim of that user. */
export const memberVariables = {
  FLY_REDIS_USERS: JSON.stringify([{ name: member.name, passwords: [member.password] }]),
};

// Four things are left out on purpose: a NUL, at which Redis stops looking for the end of an inline command; lines near
// 64 KB, whose fate depends on how much Redis reads at a time; wrong passwords, which Valkey 8.0 leaves unanswered in a
// pipeline; and what a hash or set is iterated by, which begins with a seed of each server's own.
const keys = ["k", "{k}", "", "k\r\n", "\x01", "long".repeat(30)];
const values = ["1", "-7", "v", "", "\r\n$3\r\n", "*1\r\n", "x".repeat(300), "y".repeat(60_000), "0.5", "nan"];
const names = `GET SET DEL INCR APPEND STRLEN HSET HGET ZRANGE LPUSH LPOP LRANGE SADD SCARD ZADD ZSCORE EXISTS TYPE
  TTL PERSIST GETSET MGET MSET SETRANGE GETRANGE LLEN PING ECHO NOSUCH get sEt bitcount COPY OBJECT XLEN XREAD BITPOS`;

/** Bytes that mean something to a parser. */
const telling = ["*", "$", "\r", "\n", "\r\n", "-", "0", "1", "9", " ", '"', "'", "\x01", "\xff", ":", "+", "%", ">"];

/** Commands that change the connection, or the lane that they go over, and so are too seldom met by chance. */
const turning = fc
  .constantFrom(
    ["HELLO", "2"],
    ["HELLO", "3"],
    ["HELLO", "3", "AUTH", member.name, member.password],
    ["AUTH", member.name, member.password],
    ["AUTH"],
    ["RESET"],
    ["QUIT"],
    ["SELECT", "0"],
    ["SELECT", "-11"],
    ["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"],
    ["XADD", "s", "1-1", "f", "v"],
    ["XADD", "s", "2-2", "f", "v"],
    ["XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "s", ">"],
    ["FLUSHALL"],
  )
  .map((words) => encodeRequest(words));

/** Seldom, since each may take a server a tenth of a second. */
const blocking = fc
  .constantFrom(
    ["XREAD", "BLOCK", "11", "STREAMS", "k", "9-9"],
    ["XREADGROUP", "GROUP", "g", "c", "BLOCK", "11", "STREAMS", "s", ">"],
    ["BLPOP", "k", "s", "0.011"],
    ["BRPOP", "k", "0.011"],
    ["BLMOVE", "k", "{k}", "LEFT", "RIGHT", "0.011"],
    ["BZPOPMIN", "k", "0.011"],
  )
  .map((words) => encodeRequest(words));

/** Words in a line, of bytes that white space and letters are told from. */
const line = fc
  .tuple(
    fc.constantFrom("SET", "get", "\xa0GET", "RPUSH", "ECHO", "\xff\x80"),
    fc.array(fc.string({ unit: fc.constantFrom("a", "\x80", "\x85", "\xa0", "\xff"), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    }),
    fc.constantFrom(" ", "\t", "  ", "\v", "\f"),
  )
  .map(([name, words, space]) => Buffer.from(`${[name, ...words].join(space)}\r\n`, "latin1"));

/** @param called - names of commands, those of subcommands behind their container's and a bar. */
function plain(called: readonly string[], words: readonly string[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...called), fc.array(fc.constantFrom(...words), { maxLength: 4 }), fc.nat(5))
    .map(([name, rest, form]) => {
      const command = [...name.split("|"), ...rest];
      const inline = form === 0 && command.every((word) => /^[\w.-]{1,1000}$/.test(word));
      return inline ? Buffer.from(`${command.join(" ")}\r\n`) : encodeRequest(command);
    });
}

/** All that there are types for, but for what blocks, is refused, or takes a server minutes with long values. */
const typed = [...typedAnswers.keys()].filter((name) => !/^(B[LRZ]|GEO|SORT|FLY|LCS$)/.test(name));
/** Those whose replies say what they were given. */
const echoing = "SETRANGE INCRBY DECRBY HINCRBY INCRBYFLOAT HINCRBYFLOAT ZINCRBY ZADD XADD SET LPOS".split(" ");
/** Numbers that are none, or that it takes care to write; and what an option is called, or stands for an ID. */
const typedWords = [
  ...keys,
  ...values,
  ...`0 9223372036854775807 9223372036854775808 1e30 0x10 inf -Infinity 1-1 7-* * GET INCR NX COUNT
  NOMKSTREAM FIELDS IDS WITHSCORE`.split(/\s+/),
];

type Mutation = (bytes: Buffer) => Buffer;

/** `at` and `length` say where, as fractions and bytes, so that they mean something in any stream. */
const mutation = fc
  .tuple(
    fc.nat(4),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom(...telling),
  )
  .map(([kind, fraction, length, text]): Mutation => {
    return (bytes) => {
      const at = Math.floor(fraction * bytes.length);
      const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
      const insert = Buffer.from(text, "latin1");
      switch (kind) {
        case 0:
          return Buffer.concat([before, behind.subarray(length)]);
        case 1:
          return Buffer.concat([before, insert, behind]);
        case 2:
          return Buffer.concat([before, behind.subarray(0, length), behind]);
        case 3:
          return before;
        default:
          return Buffer.concat([before, insert, behind.subarray(insert.length)]);
      }
    };
  });

/** Whoever is nobody yet is held to smaller frames. */
const start = fc.oneof(
  { weight: 7, arbitrary: fc.constant(Buffer.alloc(0)) },
  { weight: 1, arbitrary: fc.constant(encodeRequest(["RESET"])) },
);

function streamsOf(commands: fc.Arbitrary<Buffer>): fc.Arbitrary<Stream> {
  const command = fc.oneof(
    { weight: 60, arbitrary: commands },
    { weight: 6, arbitrary: turning },
    { weight: 1, arbitrary: blocking },
    { weight: 2, arbitrary: line },
  );
  return fc
    .tuple(
      start,
      fc.array(command, { minLength: 1, maxLength: 8 }),
      fc.array(mutation, { maxLength: 2 }),
      fc.array(fc.constantFrom(1, 2, 5, 17, 100, 4096), { maxLength: 6 }),
    )
    .map(([first, commands, mutations, sizes]) => {
      const bytes = mutations.reduce<Buffer>((stream, mutate) => mutate(stream), Buffer.concat([first, ...commands]));
      const pieces: Buffer[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      return { bytes, pieces: [...pieces, bytes.subarray(at)].filter(({ length }) => length > 0) };
    });
}

/** Pipelines of commands, one in three as they are, the others broken in one place or two. */
export const streams = streamsOf(plain(names.split(/\s+/), [...keys, ...values]));
/** The same for a port that answers in types. */
export const typedStreams = streamsOf(fc.oneof(plain(typed, typedWords), plain(echoing, typedWords)));
