// Overwrites go to the server as they lie in an envelope's body; what is made of them must not depend on it.
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { EncodedCommand } from "../../shim/replication/encodedCommand";
import type { StampedCommand } from "../../shim/replication/envelope";
import { ReplayBatch } from "../../shim/replication/replayBatch";
import { replaySteps } from "../../shim/replication/replaySteps";
import { segmentOf } from "../support/segments";

const ORIGIN = 0xfedcba98;

function encoded(args: readonly Buffer[], ms = 1_700_000_000_000, counter = 7): EncodedCommand {
  const [command] = segmentOf(ORIGIN, [{ stamp: { ms, counter, origin: ORIGIN }, args }]);
  if (!(command instanceof EncodedCommand)) throw new TypeError("a segment gives its commands as they are encoded");
  return command;
}

function words(...args: readonly string[]): readonly Buffer[] {
  return args.map((arg) => Buffer.from(arg));
}

function batchOf(commands: readonly StampedCommand[]): ReplayBatch {
  return new ReplayBatch(commands.flatMap((command) => replaySteps(command)).filter((step) => step.kind !== "flush"));
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const overwrite = fc.oneof(
  fc.tuple(bytes, bytes).map(([key, value]) => [Buffer.from("SET"), key, value]),
  fc
    .tuple(bytes, bytes, fc.nat(2 ** 31))
    .map(([key, value, ms]) => [Buffer.from("SET"), key, value, Buffer.from("PXAT"), Buffer.from(String(ms))]),
  bytes.map((key) => [Buffer.from("UNLINK"), key]),
);
const overwrites = fc.array(fc.tuple(overwrite, fc.nat(2 ** 48 - 1), fc.nat(0xffff)), { minLength: 1, maxLength: 20 });

test("an overwrite is packed from its envelope as it is from its step", () => {
  fc.assert(
    fc.property(overwrites, (each) => {
      const commands = each.map(([args, ms, counter]) => encoded(args, ms, counter));
      const batch = new ReplayBatch();
      for (const command of commands) {
        expect(command.overwriteShape).toBeDefined();
        batch.addOverwrite(command);
      }
      expect(batch.size).toBe(commands.length);
      expect(batch.arguments()).toEqual(batchOf(commands).arguments());
    }),
  );
});

test.each([
  ["of a condition", words("SET", "k", "v", "NX")],
  ["of what an expiry becomes", words("SET", "k", "v", "KEEPTTL")],
  ["of several keys", words("UNLINK", "a", "b")],
  ["of another command", words("GET", "k")],
  ["of the length of a name alone", words("SIT", "k", "v")],
  ["of a name in small letters, which normalisation leaves nowhere", words("set", "k", "v")],
  ["of the place of an option", words("SET", "PXAT", "v", "XX", "PXAT")],
])("because %s a command is not taken for an overwrite of one key", (_why, args) => {
  expect(encoded(args).overwriteShape).toBeUndefined();
});

test("an overwrite among other commands goes with them, in their order", () => {
  const set = encoded(words("SET", "k", "v"));
  const increment = encoded(words("INCR", "n"));
  const batch = new ReplayBatch();
  batch.addOverwrite(set);
  for (const step of replaySteps(increment)) if (step.kind !== "flush") batch.addStep(step, increment.bytes);
  batch.addOverwrite(set);
  expect(batch.size).toBe(3);
  expect(batch.arguments()).toEqual(batchOf([set, increment, set]).arguments());
});

test("arguments are what was encoded, whatever their lengths", () => {
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 200 }), (args) => {
      const command = encoded(args);
      expect(command.args).toEqual(args);
      for (const [index, arg] of args.entries()) {
        const { start, end } = command.span(index);
        expect(command.body.subarray(start, end)).toEqual(arg);
      }
    }),
  );
});
