import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ReplyFormatError, ReplyScanner } from "../../shim/resp/replyScanner";

/** Where replies end, and which of them are pushes. */
function scan(chunks: readonly Buffer[]): { ends: number[]; pushes: number } {
  const scanner = new ReplyScanner();
  const ends: number[] = [];
  let pushes = 0;
  let before = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      at = scanner.scan(chunk, at);
      if (!scanner.complete) break;
      ends.push(before + at);
      if (scanner.push) pushes++;
    }
    before += chunk.length;
  }
  return { ends, pushes };
}

const samples = [
  "+OK\r\n",
  "-ERR wrong\r\n",
  ":-12\r\n",
  "$5\r\nhello\r\n",
  "$0\r\n\r\n",
  "$-1\r\n",
  "$7\r\n\r\n+OK\r\n\r\n",
  "*-1\r\n",
  "*0\r\n",
  "*3\r\n:1\r\n$-1\r\n*2\r\n+a\r\n*0\r\n",
  "*2\r\n*2\r\n*1\r\n$1\r\nx\r\n:1\r\n%1\r\n+k\r\n~2\r\n#t\r\n#f\r\n",
  "_\r\n",
  ",3.14e-10\r\n",
  ",inf\r\n",
  "(3492890328409238509324850943850943825024385\r\n",
  "!21\r\nSYNTAX invalid syntax\r\n",
  "=15\r\ntxt:Some string\r\n",
  "%2\r\n+first\r\n:1\r\n+second\r\n*1\r\n_\r\n",
  "%0\r\n",
  "|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
  "*2\r\n:1\r\n|1\r\n+k\r\n*2\r\n:1\r\n:2\r\n:2\r\n",
  ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n",
];
const bytes = samples.map((sample) => Buffer.from(sample));

describe("the reply scanner", () => {
  test("finds the end of every type at every pair of split points", () => {
    const all = Buffer.concat(bytes);
    let sum = 0;
    const ends = bytes.map(({ length }) => {
      sum += length;
      return sum;
    });
    expect(scan([all])).toEqual({ ends, pushes: 1 });
    for (let first = 0; first <= all.length; first++) {
      for (let second = first; second <= all.length; second++) {
        const chunks = [all.subarray(0, first), all.subarray(first, second), all.subarray(second)];
        const seen = scan(chunks);
        if (seen.ends.join() !== ends.join() || seen.pushes !== 1) expect({ first, second, seen }).toEqual(ends);
      }
    }
  });

  test("finds the ends of random nested replies in random chunks", () => {
    const { reply } = fc.letrec((tie) => ({
      leaf: fc.constantFrom(...samples.filter((sample) => !"*%~|>".includes(sample[0] ?? ""))),
      reply: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("leaf"), tie("aggregate")),
      aggregate: fc
        .tuple(fc.constantFrom("*", "~", "%"), fc.array(tie("reply") as fc.Arbitrary<string>, { maxLength: 4 }))
        .map(([type, parts]) => {
          const even = type === "%" ? parts.slice(0, parts.length & ~1) : parts;
          return `${type}${type === "%" ? even.length / 2 : even.length}\r\n${even.join("")}`;
        }),
    })) as { reply: fc.Arbitrary<string> };
    fc.assert(
      fc.property(fc.array(reply, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 7 }), (replies, size) => {
        const all = Buffer.from(replies.join(""));
        const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
          all.subarray(index * size, index * size + size),
        );
        let sum = 0;
        expect(scan(chunks).ends).toEqual(
          replies.map((text) => {
            sum += text.length;
            return sum;
          }),
        );
      }),
    );
  });

  test("refuses what is no RESP", () => {
    expect(() => scan([Buffer.from("HTTP/1.1 200 OK\r\n")])).toThrow(ReplyFormatError);
    expect(() => scan([Buffer.from("$abc\r\n")])).toThrow(ReplyFormatError);
  });

  test("tells how much of a bulk string is still to come", () => {
    const scanner = new ReplyScanner();
    scanner.scan(Buffer.from("$1000000\r\nabc"), 0);
    expect(scanner.announcedBytes).toBe(1_000_000 + 2 - 3);
  });
});
