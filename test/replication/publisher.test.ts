import { describe, expect, it } from "@jest/globals";
import { pino } from "pino";
import type { Topic } from "../../shim/bus/bus";
import { Outbox } from "../../shim/replication/outbox";
import { Publisher } from "../../shim/replication/publisher";
import { commandBytes, type Segment } from "../../shim/replication/segment";

function argsOf(value: string): Buffer[] {
  return ["SET", "k", value].map((arg) => Buffer.from(arg));
}

const size = commandBytes(argsOf("0"));

/** A publisher whose envelopes are its commands' values, on a bus that the test decides about. */
function start({ intervalMs, capacity }: { intervalMs: number; capacity: number }) {
  const published: string[] = [];
  const verdicts: { reject: () => void; resolve: () => void }[] = [];
  const waiters: (() => void)[] = [];
  const publish = (body: string) => {
    published.push(body);
    waiters.shift()?.();
    return new Promise<void>((resolve, reject) => verdicts.push({ resolve, reject: () => reject(new Error("down")) }));
  };
  const outbox = new Outbox(1, capacity);
  const seal = (commands: Segment) => [...commands].map(({ args }) => args[2]).join(" ");
  const topic: Topic = { publish, close: async () => {} };
  const publisher = new Publisher({ topic, outbox, seal, intervalMs, log: pino({ level: "silent" }) });
  let counter = 0;
  return {
    outbox,
    publisher,
    published,
    verdicts,
    add(...values: string[]) {
      for (const value of values) {
        outbox.add({ stamp: { ms: 1, counter: counter++, origin: 1 }, args: argsOf(value) });
        publisher.wake();
      }
    },
    nextPublish: () => new Promise<void>((resolve) => waiters.push(resolve)),
  };
}

describe("publisher", () => {
  it("sends one turn's commands together at once, and what comes meanwhile together later", async () => {
    const { add, outbox, publisher, published, verdicts, nextPublish } = start({ intervalMs: 30, capacity: 1000 });
    add("1", "2");
    await nextPublish();
    add("3");
    setImmediate(() => add("4"));
    await nextPublish();
    expect(published).toEqual(["1 2", "3 4"]);
    expect(outbox.commands).toBe(4);
    for (const { resolve } of verdicts) resolve();
    await publisher.drain(1000);
    expect(outbox).toMatchObject({ commands: 0, bytes: 0, envelopes: 0 });
  });

  it("lets no command wait for a canary that was alone", async () => {
    const { add, outbox, publisher, published, nextPublish } = start({ intervalMs: 1_000_000, capacity: 1000 });
    outbox.add({
      stamp: { ms: 0, counter: 0, origin: 1 },
      args: ["ECHO", "", "canary"].map((arg) => Buffer.from(arg)),
    });
    publisher.wake();
    await nextPublish();
    add("1");
    await nextPublish();
    expect(published).toEqual(["canary", "1"]);
    await publisher.drain(0);
  });

  it("splits between commands, and does not pace full envelopes", async () => {
    const { add, publisher, published, nextPublish } = start({ intervalMs: 1_000_000, capacity: 2 * size });
    add("1", "2", "3", "4", "5");
    await nextPublish();
    expect(published).toEqual(["1 2", "3 4"]);
    await publisher.drain(0);
  });

  it("publishes all that is full in one turn, with four envelopes under way at most", async () => {
    const { add, outbox, publisher, published, verdicts, nextPublish } = start({
      intervalMs: 1_000_000,
      capacity: 2 * size,
    });
    add(..."123456789abc");
    await nextPublish();
    expect(published).toEqual(["1 2", "3 4", "5 6", "7 8"]);
    const next = nextPublish();
    verdicts[0]!.resolve();
    await next;
    expect(published.slice(4)).toEqual(["9 a"]);
    expect(outbox.commands).toBe(10);
    await publisher.drain(0);
  });

  it("tries again what failed before anything newer, and keeps it meanwhile", async () => {
    const { add, outbox, publisher, published, verdicts, nextPublish } = start({ intervalMs: 0, capacity: 2 * size });
    add("1", "2");
    await nextPublish();
    verdicts[0]!.reject();
    const again = nextPublish();
    setImmediate(() => add("3"));
    await again;
    expect(published).toEqual(["1 2", "1 2"]);
    expect(outbox.commands).toBe(3);
    verdicts[1]!.resolve();
    await nextPublish();
    expect(published).toEqual(["1 2", "1 2", "3"]);
    verdicts[2]!.resolve();
    await publisher.drain(1000);
    expect(outbox.commands).toBe(0);
  });

  it("gives up draining in time, and leaves what is not confirmed in the outbox", async () => {
    const { add, outbox, publisher } = start({ intervalMs: 0, capacity: 2 * size });
    add("1", "2", "3");
    await publisher.drain(10);
    expect(outbox.commands).toBe(3);
  });
});
