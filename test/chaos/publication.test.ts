import { expect, it } from "@jest/globals";
import { isPublished, wholeCommands } from "../../chaos/publication";
import type { StampedCommand } from "../../shim/replication/envelope";
import { stampText } from "../../shim/replication/stamp";

function sent(ms: number, ...words: readonly string[]): StampedCommand {
  return { stamp: { ms, counter: 0, origin: 1 }, args: words.map((word) => Buffer.from(word)) };
}

function stamp(ms: number): string {
  return stampText({ ms, counter: 0, origin: 1 });
}

function textsOf(published: readonly StampedCommand[]): string[] {
  return [...wholeCommands(published).values()].map(({ args }) => args.join(" "));
}

it("puts a large command together from its chunks, whatever their order and repetition", () => {
  const chunks = [sent(1, "FLY.CHUNK", "t", "0", "abcd"), sent(2, "FLY.CHUNK", "t", "4", "ef")];
  const command = sent(3, "FLY.LARGE", "t", "2:4,4:2", "HSET", "k", "", "x", "");
  const other = sent(4, "FLY.CHUNK", "u", "0", "wxyz");
  for (const published of [
    [command, ...chunks, other],
    [chunks[1]!, other, chunks[0]!, command, chunks[0]!],
  ]) {
    expect(textsOf(published)).toEqual(["HSET k abcd x ef"]);
  }
  expect(wholeCommands([...chunks, command]).get(stamp(3))).toMatchObject({ large: true, sliced: false });
});

it("knows arguments that travelled in a row", () => {
  const published = [
    sent(1, "FLY.CHUNK", "t", "0", "$1\r\na\r\n$2"),
    sent(2, "FLY.CHUNK", "t", "9", "\r\nbc\r\n"),
    sent(3, "FLY.LARGE", "t", "*2:15", "RPUSH", "k"),
  ];
  expect(textsOf(published)).toEqual(["RPUSH k a bc"]);
  expect(wholeCommands(published).get(stamp(3))).toMatchObject({ large: true, sliced: true });
});

it("passes over what lacks a chunk, what was given up, and canaries, but not over purges", () => {
  const published = [
    sent(1, "FLY.CHUNK", "t", "2", "cd"),
    sent(2, "FLY.LARGE", "t", "2:4", "SET", "k", ""),
    sent(3, "FLY.CHUNK", "u", "0", "ab"),
    sent(4, "FLY.LARGE", "u", ""),
    sent(5, "ECHO", "{}"),
    sent(6, "INCR", "n"),
    sent(7, "FLY.PURGE", "user:*"),
  ];
  expect(textsOf(published)).toEqual(["INCR n", "FLY.PURGE user:*"]);
});

it("finds a command that was taken apart published once all of its parts are", () => {
  const words = ["DEL", "a", "b", "c"].map((word) => Buffer.from(word));
  const accepted = { after: stamp(1), stamp: stamp(3), words, epoch: 0 };
  const parts = [sent(2, "UNLINK", "a", "b"), sent(3, "UNLINK", "c")];
  expect(isPublished(accepted, wholeCommands(parts))).toBe(true);
  expect(isPublished(accepted, wholeCommands(parts.slice(1)))).toBe(false);
  expect(isPublished(accepted, wholeCommands(parts.slice(0, 1)))).toBe(false);
  expect(isPublished(accepted, wholeCommands([sent(1, "UNLINK", "a", "b"), parts[1]!]))).toBe(false);
});
