import { expect, test } from "@jest/globals";
import { blockingMs, inspect } from "../../shim/commands/inspection";

const forever = Number.POSITIVE_INFINITY;

function wordsOf(text: string): Buffer[] {
  return text.split(" ").map((word) => Buffer.from(word));
}

function inspected(text: string) {
  return inspect(text.split(" ", 1).join().toUpperCase(), wordsOf(text));
}

test.each([
  ["XREAD STREAMS s $", 0],
  ["XREAD BLOCK 0 STREAMS s $", forever],
  ["xread count 1 block 10 streams s $", 10],
  ["XREAD COUNT 1 STREAMS BLOCK 0", 0],
  ["XREAD COUNT BLOCK STREAMS s $", 0],
  ["XREADGROUP GROUP g c STREAMS s >", 0],
  ["XREADGROUP GROUP streams c BLOCK 0 STREAMS s >", forever],
  ["XREADGROUP GROUP g streams BLOCK 0 STREAMS s >", forever],
  ["XREADGROUP GROUP block c STREAMS s >", 0],
  ["XREADGROUP GROUP g block NOACK COUNT 2 STREAMS block >", 0],
  ["XREADGROUP BLOCK 0 NOACK GROUP g c STREAMS s >", forever],
  // The last one counts.
  ["XREAD BLOCK 10 BLOCK 2500 STREAMS s $", 2500],
  ["XREAD BLOCK 0 COUNT 1 block 10 STREAMS s $", 10],
  ["XREADGROUP GROUP g c BLOCK 10 NOACK BLOCK 0 STREAMS s >", forever],
  // Options of servers to come are passed over, with their values.
  ["XREADGROUP GROUP g c CLAIM 100 BLOCK 0 STREAMS s >", forever],
  ["XREAD", 0],
])("%s may block for %d ms", (text, blocksMs) => {
  expect(inspected(text)).toEqual({ blocksMs });
});

test.each([
  ["BLPOP a b 0", forever],
  ["BLPOP a 0.25", 250],
  ["BLMOVE a b LEFT RIGHT 1.5", 1500],
  ["BZMPOP 2 1 3 MIN", 2000],
  // The server answers these at once.
  ["BLPOP a soon", forever],
  ["BLPOP a -1", forever],
  ["BLPOP", forever],
  ["BNEW a 1", forever],
])("%s may block for %d ms", (text, blocksMs) => {
  expect(blockingMs(text.split(" ", 1).join(), wordsOf(text))).toBe(blocksMs);
});

test("COPY stays within database 0, and FLUSHALL leaves the records of replays alone", () => {
  expect(inspected("COPY a b DB 0")).toEqual({});
  expect(inspected("COPY db 1 REPLACE")).toEqual({});
  expect(inspected("copy a b replace db 1")).toEqual({ error: "ERR DB index is out of range" });
  expect(inspected("FLUSHALL ASYNC").words?.map(String)).toEqual(["FLUSHDB", "ASYNC"]);
});
