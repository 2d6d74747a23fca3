import { describe, expect, it } from "@jest/globals";
import { normalise } from "../../shim/replication/normalisation";
import { Outbox } from "../../shim/replication/outbox";

function filled(capacity: number, ...lines: string[]): Outbox {
  const outbox = new Outbox(1, capacity);
  for (const [index, line] of lines.entries()) {
    const stamp = { ms: 1_000 + index, counter: 0, origin: 1 };
    const args = line.split(" ").map((word) => Buffer.from(word));
    outbox.add({ stamp, args: normalise(String(args[0]), args, stamp) });
  }
  return outbox;
}

function waiting(outbox: Outbox): string[] {
  return [...(outbox.take() ?? [])].map(({ args }) => args.join(" "));
}

describe("outbox", () => {
  it("coalesces what newer commands overwrite", () => {
    const outbox = filled(4096, "SET a 1", "INCR a", "SET b 1", "DEL a b", "INCR a", "SET a 2", "INCR a", "DEL a c");
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["UNLINK a b", "UNLINK a c"]);
  });

  it("keeps what a command over several keys may have read", () => {
    const lines = ["SET a 1", "RENAME a b", "SET a 2", "SET a 3", "SET c 1", "SET c 2"];
    const outbox = filled(4096, ...lines);
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["SET a 1", "RENAME a b", "SET a 3", "SET c 2"]);
  });

  it("keeps nothing older than a FLUSHALL", () => {
    const outbox = filled(4096, "SET a 1", "RENAME a b", "FLUSHALL", "SET a 2");
    outbox.coalesce();
    expect(waiting(outbox)).toEqual(["FLUSHALL", "SET a 2"]);
  });

  it("counts what is left, and leaves alone what is under way", () => {
    const outbox = filled(4096, "SET a 1");
    const taken = outbox.take();
    for (const [ms, value] of [
      [2_000, "2"],
      [2_001, "3"],
    ] as const) {
      outbox.add({ stamp: { ms, counter: 0, origin: 1 }, args: ["SET", "a", value].map((arg) => Buffer.from(arg)) });
    }
    outbox.coalesce();
    expect(outbox).toMatchObject({ commands: 2, envelopes: 1 });
    outbox.confirm(taken!);
    expect(outbox.commands).toBe(1);
    expect(waiting(outbox)).toEqual(["SET a 3"]);
  });

  it("goes on in another envelope where one is full, coalescing included", () => {
    const lines = Array.from({ length: 100 }, (_, index) => `SET ${index % 40} ${index}`);
    const outbox = filled(200, ...lines);
    const { envelopes, bytes } = outbox;
    outbox.coalesce();
    expect(outbox.commands).toBe(40);
    expect(outbox.envelopes).toBeLessThan(envelopes / 2);
    expect(outbox.bytes).toBeLessThan(bytes / 2);
    const left: string[] = [];
    for (let segment = outbox.take(); segment; segment = outbox.take()) {
      expect(segment.bytes).toBeLessThanOrEqual(200);
      left.push(...[...segment].map(({ args }) => args.join(" ")));
    }
    expect(left).toEqual(lines.slice(60));
  });
});
