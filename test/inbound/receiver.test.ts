import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { pino } from "pino";
import type { Delivery, Queue } from "../../shim/bus/bus";
import { Receiver, type ReceiverOptions } from "../../shim/inbound/receiver";
import { eventually } from "../support/eventually";

const BATCH_SIZE = 10;

/** A queue at the cloud's edge: hands out what it was given, and tells what it is asked. */
class FakeQueue implements Queue {
  readonly batchSize = BATCH_SIZE;
  readonly visibilityMs: number;
  readonly batches: string[][] = [];
  readonly acknowledged: string[] = [];
  readonly extended: string[] = [];
  receiving = 0;
  mostReceiving = 0;
  failure: Error | undefined;
  private readonly events = new EventEmitter();
  private readonly waiting: string[] = [];

  constructor(visibilityMs = 60_000) {
    this.visibilityMs = visibilityMs;
  }

  push(...bodies: string[]): void {
    this.waiting.push(...bodies);
    this.events.emit("pushed");
  }

  async receive(signal: AbortSignal): Promise<readonly Delivery[]> {
    if (this.failure) throw this.failure;
    this.receiving += 1;
    this.mostReceiving = Math.max(this.mostReceiving, this.receiving);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      while (this.waiting.length === 0) await once(this.events, "pushed", { signal });
      const bodies = this.waiting.splice(0, BATCH_SIZE);
      this.batches.push(bodies);
      return bodies.map((body) => ({ body, handle: body, sentAtMs: 0, receiveCount: 1 }));
    } finally {
      this.receiving -= 1;
    }
  }

  async extend(deliveries: readonly Delivery[]): Promise<void> {
    this.extended.push(...deliveries.map(({ body }) => body));
  }

  async acknowledge({ body }: Delivery): Promise<void> {
    if (this.failure) throw this.failure;
    this.acknowledged.push(body);
  }

  async reject(): Promise<void> {}
  async close(): Promise<void> {}
}

function bodies(count: number, bytes = 1): string[] {
  return Array.from({ length: count }, (_, index) => String(index).padEnd(bytes, "."));
}

describe("what comes from the queue", () => {
  let queue: FakeQueue;
  let receiver: Receiver;
  let warnings: string[];
  /** Deliveries that a test lets go of by itself, when it has `gate` hold them. */
  let gate: Promise<void> | undefined;

  beforeEach(() => {
    warnings = [];
    gate = undefined;
    queue = new FakeQueue();
  });

  afterEach(() => receiver.stop());

  function start(options: Partial<ReceiverOptions> = {}): void {
    const stream = { write: (line: string) => void warnings.push(JSON.parse(line).msg) };
    receiver = new Receiver({
      queue,
      ready: async () => {},
      handle: async () => {
        await gate;
        return true;
      },
      intervalMs: 0,
      log: pino({ level: "warn" }, stream),
      ...options,
    });
    receiver.start();
  }

  function hold(): () => void {
    let release = () => {};
    gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  it("is handed over at once where the queue was quiet, however long the interval", async () => {
    start({ intervalMs: 3_600_000 });
    queue.push("first");
    await eventually(async () => expect(queue.acknowledged).toEqual(["first"]));
  });

  it("is gathered for an interval where more follows", async () => {
    start({ intervalMs: 500 });
    queue.push("first");
    await eventually(async () => expect(queue.acknowledged).toEqual(["first"]));
    for (const body of ["second", "third", "fourth"]) queue.push(body);
    await eventually(async () => expect(queue.acknowledged).toHaveLength(4));
    expect(queue.batches).toEqual([["first"], ["second", "third", "fourth"]]);
  });

  it("is received by several requests at a time, without a pause, while batches are full", async () => {
    start({ intervalMs: 3_600_000 });
    queue.push(...bodies(400));
    await eventually(async () => expect(queue.acknowledged).toHaveLength(400));
    expect(queue.mostReceiving).toBe(4);
    expect(queue.batches).toHaveLength(40);
  });

  it("is asked for by one request again when the backlog is gone", async () => {
    start();
    queue.push(...bodies(205));
    await eventually(async () => expect(queue.acknowledged).toHaveLength(205));
    for (let count = 0; count < 4; count += 1) {
      queue.push("more");
      await eventually(async () => expect(queue.acknowledged).toHaveLength(206 + count));
    }
    expect(queue.receiving).toBe(1);
  });

  it("does not wait for batches that take longer", async () => {
    const release = hold();
    start();
    queue.push("slow");
    await eventually(async () => expect(queue.batches).toHaveLength(1));
    gate = undefined;
    queue.push("quick");
    await eventually(async () => expect(queue.acknowledged).toEqual(["quick"]));
    release();
    await eventually(async () => expect(queue.acknowledged).toEqual(["quick", "slow"]));
  });

  it("is left in the queue while as much is held as memory is for", async () => {
    const release = hold();
    start();
    queue.push(...bodies(100, 256 * 1024));
    await eventually(async () => expect(queue.batches).toHaveLength(2));
    await new Promise((resolve) => setImmediate(resolve));
    expect(queue.receiving).toBe(0);
    release();
    await eventually(async () => expect(queue.acknowledged).toHaveLength(100));
  });

  it("is kept from others while it takes long, and only then", async () => {
    queue = new FakeQueue(150);
    const release = hold();
    start();
    queue.push("slow");
    await eventually(async () => expect(queue.extended.length).toBeGreaterThanOrEqual(2));
    release();
    await eventually(async () => expect(queue.acknowledged).toEqual(["slow"]));
    expect(new Set(queue.extended)).toEqual(new Set(["slow"]));
  });

  it("comes again where handling it fails, and where it could not be acknowledged, which is said once", async () => {
    start({ handle: async ({ body }) => (body === "bad" ? Promise.reject(new Error("broken")) : body !== "left") });
    queue.push("bad", "left", "good");
    await eventually(async () => expect(queue.acknowledged).toEqual(["good"]));
    expect(warnings).toEqual(["cannot handle an envelope: it will come again"]);
    queue.failure = new Error("away");
    queue.push("a", "b", "c");
    await eventually(async () => expect(warnings).toContain("cannot receive: trying again"));
    expect(warnings.filter((text) => text.startsWith("cannot acknowledge"))).toHaveLength(1);
  });

  it("is not asked for while it cannot be handled, and a request under way is given up", async () => {
    const events = new EventEmitter();
    let down = false;
    start({ ready: async () => void (down && (await once(events, "up"))) });
    queue.push(...bodies(100));
    await eventually(async () => expect(queue.acknowledged).toHaveLength(100));
    down = true;
    receiver.interrupt();
    await eventually(async () => expect(queue.receiving).toBe(0));
    queue.push("later");
    await new Promise((resolve) => setImmediate(resolve));
    expect(queue.receiving).toBe(0);
    down = false;
    events.emit("up");
    await eventually(async () => expect(queue.acknowledged).toContain("later"));
    expect(warnings).toEqual([]);
  });

  it("is finished before it stops", async () => {
    const release = hold();
    start();
    queue.push("held");
    await eventually(async () => expect(queue.batches).toHaveLength(1));
    const stopped = receiver.stop();
    release();
    await stopped;
    expect(queue.acknowledged).toEqual(["held"]);
    expect(queue.receiving).toBe(0);
  });
});
