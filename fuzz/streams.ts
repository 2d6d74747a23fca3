// Random byte streams as a client might send them, good and bad.

import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import fc from "fast-check";

/** A stream, and the sizes of the pieces that the network delivers it in. */
export interface Stream {
  readonly bytes: Buffer;
  readonly pieces: readonly Buffer[];
}

// Three things are left out on purpose: a NUL, at which Redis stops looking for the end of an inline command; lines near
// 64 KB, whose fate depends on how much Redis reads at a time; and what a hash or set is iterated by, which begins with a
// seed of each server's own.
const keys = ["k", "{k}", "", "k\r\n", "\x01", "long".repeat(30)];
const values = ["1", "-7", "v", "", "\r\n$3\r\n", "*1\r\n", "x".repeat(300), "y".repeat(60_000), "0.5", "nan"];
const names = `GET SET DEL INCR APPEND STRLEN HSET HGET ZRANGE LPUSH LPOP LRANGE SADD SCARD ZADD ZSCORE EXISTS TYPE
  TTL PERSIST GETSET MGET MSET SETRANGE GETRANGE LLEN PING ECHO NOSUCH get sEt bitcount COPY OBJECT XLEN XREAD BITPOS`;

/** Bytes that mean something to a parser. */
const telling = ["*", "$", "\r", "\n", "\r\n", "-", "0", "1", "9", " ", '"', "'", "\x01", "\xff", ":", "+", "%", ">"];

/** Commands that change the connection, or the lane that they go over, and so are too seldom met by chance. */
const turning = fc
  .constantFrom(["HELLO", "2"], ["HELLO", "3"], ["XREAD", "BLOCK", "11", "STREAMS", "k", "9-9"], ["FLUSHALL"])
  .map((words) => encodeRequest(words));

const plain = fc
  .tuple(
    fc.constantFrom(...names.split(/\s+/)),
    fc.array(fc.constantFrom(...keys, ...values), { maxLength: 4 }),
    fc.nat(5),
  )
  .map(([name, rest, form]) => {
    const words = [name, ...rest];
    const inline = form === 0 && words.every((word) => /^[\w.-]{1,1000}$/.test(word));
    return inline ? Buffer.from(`${words.join(" ")}\r\n`) : encodeRequest(words);
  });

const command = fc.oneof({ weight: 30, arbitrary: plain }, { weight: 1, arbitrary: turning });

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

/** Pipelines of commands, one in three as they are, the others broken in one place or two. */
export const streams: fc.Arbitrary<Stream> = fc
  .tuple(
    fc.array(command, { minLength: 1, maxLength: 8 }),
    fc.array(mutation, { maxLength: 2 }),
    fc.array(fc.constantFrom(1, 2, 5, 17, 100, 4096), { maxLength: 6 }),
  )
  .map(([commands, mutations, sizes]) => {
    const bytes = mutations.reduce<Buffer>((stream, mutate) => mutate(stream), Buffer.concat(commands));
    const pieces: Buffer[] = [];
    let at = 0;
    for (const size of sizes) {
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return { bytes, pieces: [...pieces, bytes.subarray(at)].filter(({ length }) => length > 0) };
  });
