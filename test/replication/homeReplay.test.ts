import { beforeEach, describe, expect, it } from "@jest/globals";
import type { StampedCommand } from "../../shim/replication/envelope";
import { HomeReplay } from "../../shim/replication/homeReplay";
import { encodeLarge } from "../../shim/replication/largeCommand";
import { Segment } from "../../shim/replication/segment";

describe("replay at home", () => {
  let home: HomeReplay;
  let segment: Segment;
  let counter: number;
  /** What was begun, batch by batch. */
  let begun: string[][];
  /** Ends batches by what they begin with. */
  let ends: Map<string, () => void>;

  beforeEach(() => {
    [segment, counter, begun, ends] = [new Segment(1), 0, [], new Map()];
    home = new HomeReplay((commands) => {
      const batch = [...commands].map(({ args }) => args.join(" "));
      begun.push(batch);
      return new Promise((resolve) => ends.set(batch[0]!, resolve));
    });
  });

  function add(command: StampedCommand): void {
    segment.append(command);
    home.add(segment, command);
  }

  function accept(...lines: readonly string[]): void {
    for (const line of lines) add({ stamp: next(), args: line.split(" ").map((word) => Buffer.from(word)) });
  }

  /** A command on a key whose value is in a transfer. @returns its message */
  function acceptLarge(name: string, key: string): string {
    const command = [Buffer.from(name), Buffer.from(key), Buffer.alloc(0)];
    const args = encodeLarge({ transfer: `of-${key}`, large: [{ index: 2, bytes: 1_000_000 }], args: command });
    add({ stamp: next(), args });
    return args.join(" ");
  }

  function next() {
    return { ms: 1, counter: counter++, origin: 1 };
  }

  async function end(first: string): Promise<void> {
    ends.get(first)!();
    await turn();
  }

  function turn(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve));
  }

  it("goes on beside a large command, which nobody else waits for", async () => {
    const large = acceptLarge("SET", "large");
    await turn();
    accept("SET a 1");
    await turn();
    expect(begun).toEqual([[large], ["SET a 1"]]);
    await end("SET a 1");
    expect([home.quick.settled, home.slow.settled]).toEqual([1, 0]);
    accept("SET b 1");
    await turn();
    await end("SET b 1");
    expect([home.quick.settled, home.slow.settled]).toEqual([2, 0]);
    await end(large);
    expect(home.slow.settled).toBe(1);
    expect(home.bytes).toBe(0);
  });

  it("keeps the order of commands on the same keys as a large one, one leading to the next", async () => {
    accept("HSET h before 1");
    const large = acceptLarge("HSET", "h");
    await turn();
    expect(begun).toEqual([["HSET h before 1"]]);
    await end("HSET h before 1");
    accept("HSET h after 1", "RENAME h to", "SET other 1", "APPEND to x");
    await turn();
    expect(begun.slice(1)).toEqual([[large], ["SET other 1"]]);
    await end("SET other 1");
    await end(large);
    expect(begun.slice(3)).toEqual([["HSET h after 1", "RENAME h to", "APPEND to x"]]);
    await end("HSET h after 1");
    expect([home.quick.settled, home.slow.settled, home.bytes]).toEqual([2, 4, 0]);
    accept("HSET h again 1");
    await turn();
    await end("HSET h again 1");
    expect(home.quick.settled).toBe(3);
  });

  it("replays one large command after the other", async () => {
    const [first, second] = [acceptLarge("HSET", "h"), acceptLarge("SET", "other")];
    await turn();
    expect(begun).toEqual([[first]]);
    await end(first);
    expect(begun).toEqual([[first], [second]]);
    await end(second);
    expect(home.slow.settled).toBe(2);
  });
});
