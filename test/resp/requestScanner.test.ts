import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseArguments, splitInline } from "../../shim/resp/arguments";
import { encodeRequest } from "../../shim/resp/encoder";
import { type NameLookup, RequestScanner } from "../../shim/resp/requestScanner";

const names: NameLookup<string> = {
  lookup: (bytes, start, length) => bytes.toString("latin1", start, start + length).toUpperCase(),
};

interface Seen {
  readonly frames: readonly Buffer[];
  readonly names: readonly (string | undefined)[];
  readonly large: number;
  readonly error: string;
}

/** Feeds chunks as a session does and gathers what comes out. */
function scan(chunks: readonly Buffer[], set: Partial<RequestScanner<string>> = { authenticated: true }): Seen {
  const scanner = Object.assign(new RequestScanner(names), set);
  const frames: Buffer[] = [];
  const found: (string | undefined)[] = [];
  let held: Buffer[] = [];
  let large = 0;
  for (const chunk of chunks) {
    scanner.feed(chunk);
    for (let event = scanner.next(); event !== "more"; event = scanner.next()) {
      if (event === "error") return { frames, names: found, large, error: scanner.error };
      if (event === "large") {
        large++;
        continue;
      }
      if (event === "empty") {
        held = [];
        continue;
      }
      frames.push(Buffer.concat([...held, chunk.subarray(scanner.start, scanner.end)]));
      found.push(event === "command" ? scanner.entry : event);
      held = [];
    }
    if (scanner.withinCommand) held.push(chunk.subarray(scanner.start));
  }
  return { frames, names: found, large, error: "" };
}

function splitAt(bytes: Buffer, ...cuts: number[]): Buffer[] {
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
}

const samples: readonly (readonly string[])[] = [
  ["PING"],
  ["get", "key"],
  ["SET", "key", ""],
  ["SET", "", "\r\n$3\r\n*1\r\n"],
  ["MSET", "a", "1", "b", "2", "c", "x".repeat(1000)],
  ["ZRANGEBYSCORE", "z", "-inf", "+inf", "WITHSCORES"],
];

const PING = "*1\r\n$4\r\nPING\r\n";

describe("the request scanner", () => {
  test("finds every command at every pair of split points", () => {
    const requests = samples.slice(0, 4).map((words) => encodeRequest([...words]));
    const bytes = Buffer.concat([...requests, Buffer.from("inline 1\r\n"), ...requests]);
    const digest = ({ frames, names: found, error }: Seen): string => [frames.join("|"), ...found, error].join();
    const whole = scan([bytes]);
    expect(whole.frames).toHaveLength(9);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const seen = scan(splitAt(bytes, first, second));
        if (digest(seen) !== digest(whole)) expect({ first, second, seen }).toEqual(whole);
      }
    }
  });

  test("finds random pipelines in random chunks, and their arguments", () => {
    const word = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const name = fc.constantFrom("GET", "set", "MsEt", "XREADGROUP").map((text) => Buffer.from(text));
    const command = fc.tuple(name, fc.array(word, { maxLength: 6 })).map(([head, rest]) => [head, ...rest]);
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (commands, cuts) => {
        const bytes = Buffer.concat(commands.map((words) => encodeRequest(words)));
        const seen = scan(splitAt(bytes, ...cuts.map((cut) => cut % (bytes.length + 1))));
        expect(seen.frames.map(parseArguments)).toEqual(commands);
        expect(seen.names).toEqual(commands.map(([head]) => String(head).toUpperCase()));
      }),
    );
  });

  test("passes over empty commands, wherever they are cut", () => {
    const bytes = Buffer.from("*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n*0\r\n*1\r\n$4\r\nPING\r\n");
    for (let cut = 0; cut <= bytes.length; cut++) {
      const seen = scan(splitAt(bytes, cut));
      expect([...seen.names, ...seen.frames.map(String)]).toEqual(["PING", "PING", PING, PING]);
    }
  });

  test("reports a large command once, and goes on scanning behind it", () => {
    const bytes = Buffer.concat([encodeRequest(["SET", "k", "x".repeat(300)]), encodeRequest(["PING"])]);
    const set = { authenticated: true, largeBytes: 200 };
    for (let cut = 0; cut <= bytes.length; cut++) {
      const seen = scan(splitAt(bytes, cut), set);
      expect([seen.large, ...seen.names]).toEqual([1, "SET", "PING"]);
    }
  });

  test("what is cut short gives the arguments that are there, wherever it is cut", () => {
    const bytes = encodeRequest(["EVAL", "x", "yy"]);
    for (let cut = 4; cut <= bytes.length; cut++) {
      const [name] = parseArguments(bytes.subarray(0, cut));
      if (cut >= 14) expect(String(name)).toBe("EVAL");
    }
  });

  test("knows no name longer than any command's", () => {
    expect(scan([encodeRequest(["x".repeat(65)])]).names).toEqual([undefined]);
  });

  test.each([
    ["*abc\r\n", "invalid multibulk length"],
    ["*\r\n", "invalid multibulk length"],
    ["*01\r\n", "invalid multibulk length"],
    ["*2147483648\r\n", "invalid multibulk length"],
    ["*99999999999999999999999\r\n", "invalid multibulk length"],
    ["*1\r\n:1\r\n", "expected '$', got ':'"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$536870913\r\n", "invalid bulk length"],
    ["*1\r\n$a\r\n", "invalid bulk length"],
    ["*1\rx$4\r\nPING\r\n", "invalid CRLF in request"],
    ["*1\r\n$4\rxPING\r\n", "invalid CRLF in request"],
    ["*1\r\n$4\r\nPINGx\n", "invalid CRLF in request"],
    ["*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\rx", "invalid CRLF in request"],
    ["*2\r\n$0\r\nxx$0\r\n\r\n", "invalid CRLF in request"],
    [`${"x".repeat(65_537)}\r\n`, "too big inline request"],
    ["x".repeat(65_537), "too big inline request"],
    [`*${"1".repeat(65_537)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(65_537)}`, "too big bulk count string"],
  ])("answers %j as Redis and Valkey do", (text, error) => {
    for (const chunks of [[Buffer.from(text)], splitAt(Buffer.from(text), 1), splitAt(Buffer.from(text), 4)]) {
      expect(scan(chunks).error).toBe(`ERR Protocol error: ${error}`);
    }
  });

  test.each([
    ["*11\r\n", "unauthenticated multibulk length"],
    ["*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"],
  ])("holds clients that have not authenticated to small frames: %j", (text, error) => {
    expect(scan([Buffer.from(text)], {}).error).toBe(`ERR Protocol error: ${error}`);
    expect(scan([Buffer.from(text)]).error).toBe("");
  });
});

describe("inline commands", () => {
  test.each([
    ["get key", ["get", "key"]],
    ["  get\t key  ", ["get", "key"]],
    ['set k "a b\\n\\x41\\q\\""', ["set", "k", 'a b\nAq"']],
    ["set k 'a \\' \\n'", ["set", "k", "a ' \\n"]],
    ['set k ""', ["set", "k", ""]],
    ['foo"bar"', ["foobar"]],
    ["", []],
    // White space is what C's isspace takes for it, and no other byte; two of its bytes end no word.
    ["\va \fb\rc\td", ["a", "b", "c", "d"]],
    ["a\vb\f c", ["a\vb\f", "c"]],
    ['"a"\v"b"\f', ["a", "b"]],
    ["set k a\xa0b", ["set", "k", "a\xa0b"]],
    ['set "k"\t\xa0 \x85', ["set", "k", "\xa0", "\x85"]],
    ["\xa0\xff\x80", ["\xa0\xff\x80"]],
  ])("%j", (line, words) => {
    expect(splitInline(Buffer.from(line, "latin1"))?.map((word) => word.toString("latin1"))).toEqual(words);
  });

  test.each(['get "k', "get 'k", 'get "k"x', 'get "k"\xa0', "get 'a\\'", 'get k"'])("unbalanced: %j", (line) => {
    expect(splitInline(Buffer.from(line, "latin1"))).toBeUndefined();
  });
});
