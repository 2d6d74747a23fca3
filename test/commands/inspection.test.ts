import { expect, test } from "@jest/globals";
import { inspect } from "../../shim/commands/inspection";

function inspected(text: string) {
  const words = text.split(" ").map((word) => Buffer.from(word));
  return inspect(words[0]!.toString().toUpperCase(), words);
}

test.each([
  ["XREAD STREAMS s $", false],
  ["XREAD BLOCK 0 STREAMS s $", true],
  ["xread count 1 block 10 streams s $", true],
  ["XREAD COUNT 1 STREAMS BLOCK 0", false],
  ["XREAD COUNT BLOCK STREAMS s $", false],
  ["XREADGROUP GROUP g c STREAMS s >", false],
  ["XREADGROUP GROUP streams c BLOCK 0 STREAMS s >", true],
  ["XREADGROUP GROUP g streams BLOCK 0 STREAMS s >", true],
  ["XREADGROUP GROUP block c STREAMS s >", false],
  ["XREADGROUP GROUP g block NOACK COUNT 2 STREAMS block >", false],
  ["XREADGROUP BLOCK 0 NOACK GROUP g c STREAMS s >", true],
  // Options of servers to come are passed over, with their values.
  ["XREADGROUP GROUP g c CLAIM 100 BLOCK 0 STREAMS s >", true],
  ["XREAD", false],
])("%s may block: %s", (text, blocks) => {
  expect(inspected(text)).toEqual({ blocks });
});

test("COPY stays within database 0, and FLUSHALL leaves the records of replays alone", () => {
  expect(inspected("COPY a b DB 0")).toEqual({});
  expect(inspected("COPY db 1 REPLACE")).toEqual({});
  expect(inspected("copy a b replace db 1")).toEqual({ error: "ERR DB index is out of range" });
  expect(inspected("FLUSHALL ASYNC").words?.map(String)).toEqual(["FLUSHDB", "ASYNC"]);
});
