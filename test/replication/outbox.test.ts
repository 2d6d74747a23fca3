import { describe, expect, it } from "@jest/globals";
import { commandBytes } from "../../shim/replication/envelope";
import { normalise } from "../../shim/replication/normalisation";
import { heldBytes, Outbox } from "../../shim/replication/outbox";

function filled(...lines: string[]): Outbox {
  const outbox = new Outbox();
  for (const [index, line] of lines.entries()) {
    const stamp = { ms: 1_000 + index, counter: 0, origin: 1 };
    const args = line.split(" ").map((word) => Buffer.from(word));
    outbox.add({ stamp, args: normalise(String(args[0]), args, stamp) });
  }
  return outbox;
}

function waiting(outbox: Outbox): string[] {
  return outbox.take(1 << 20).map(({ args }) => args.join(" "));
}

describe("outbox", () => {
  it("coalesces what newer commands overwrite", () => {
    const outbox = filled("SET a 1", "INCR a", "SET b 1", "DEL a b", "INCR a", "SET a 2", "INCR a", "DEL a c");
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["UNLINK a b", "UNLINK a c"]);
  });

  it("keeps what a command over several keys may have read", () => {
    const lines = ["SET a 1", "RENAME a b", "SET a 2", "SET a 3", "SET c 1", "SET c 2"];
    const outbox = filled(...lines);
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["SET a 1", "RENAME a b", "SET a 3", "SET c 2"]);
  });

  it("keeps nothing older than a FLUSHALL", () => {
    const outbox = filled("SET a 1", "RENAME a b", "FLUSHALL", "SET a 2");
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["FLUSHALL", "SET a 2"]);
  });

  it("counts what is left, and leaves alone what is under way", () => {
    const outbox = filled("SET a 1");
    const [taken] = outbox.take(1 << 20);
    for (const value of ["2", "3"]) {
      outbox.add({
        stamp: { ms: 2_000, counter: 0, origin: 1 },
        args: ["SET", "a", value].map((arg) => Buffer.from(arg)),
      });
    }
    outbox.coalesce();
    const { args } = taken!;
    expect(outbox).toMatchObject({ commands: 2, bytes: 2 * heldBytes(args), waitingBytes: commandBytes(args) });
  });
});
