import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Random } from "../../chaos/random";
import type { StampedCommand } from "../../shim/replication/envelope";
import type { LargeCommand } from "../../shim/replication/largeCommand";
import { normalise } from "../../shim/replication/normalisation";
import { Replayer } from "../../shim/replication/replayer";
import type { ReplayOutcome } from "../../shim/replication/replayOutcome";
import { Transfers } from "../../shim/replication/transfers";
import { encodeBulk } from "../../shim/resp/encoder";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const horizonMs = 600_000;
const CHUNK_BYTES = 100_000;

describeWithServer("large commands as a region receives them", () => {
  let server: ConnectedServer;
  let client: Redis;
  let records: Redis;
  let cluster: Redis;
  let replayer: Replayer;
  let transfers: Transfers;
  let startMs: number;
  let transferCount = 0;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
    records = server.connect({ db: 1 });
    cluster = server.connect();
  });

  afterAll(() => server.close());

  beforeEach(async () => {
    await client.flushall();
    startMs = Date.now() - 2000;
    replayer = new Replayer(cluster, horizonMs, { ms: startMs - 1, counter: 0, origin: 0 });
    transfers = new Transfers({ cluster, replayer, horizonMs });
  });

  interface Large {
    readonly chunks: readonly (readonly [offset: number, bytes: Buffer])[];
    readonly command: LargeCommand;
  }

  function command(at: number, ...words: readonly (string | Buffer)[]): StampedCommand {
    const stamp = { ms: startMs + at, counter: 0, origin: 1 };
    const args = words.map((word) => Buffer.from(word));
    return { stamp, args: normalise(String(words[0]), args, stamp) };
  }

  /** A command accepted `at` milliseconds after the start; its arguments of a kilobyte and more come in chunks. */
  function large(at: number, ...words: readonly (string | Buffer)[]): Large {
    const { stamp, args } = command(at, ...words);
    const places = args.flatMap(({ length }, index) => (length < 1000 ? [] : [{ index, bytes: length }]));
    const bytes = Buffer.concat(places.map(({ index }) => args[index]!));
    const chunks: [number, Buffer][] = [];
    for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
      chunks.push([offset, bytes.subarray(offset, offset + CHUNK_BYTES)]);
    }
    const small = args.map((arg) => (arg.length < 1000 ? arg : Buffer.alloc(0)));
    return { chunks, command: { stamp, args: small, transfer: `transfer${++transferCount}`, large: places } };
  }

  function store({ command, chunks }: Large, index: number) {
    const [offset, bytes] = chunks[index]!;
    return transfers.store(command.transfer, offset, bytes);
  }

  /** All that comes of a command, some of it twice. @returns what became of the command at last */
  async function receive(sent: Large, random = new Random(1)): Promise<string> {
    const { chunks, command } = sent;
    const deliveries = [...chunks.keys(), 0, 1].map((index) => () => store(sent, index));
    deliveries.push(...[1, 2].map(() => () => transfers.complete(command)));
    let result = "waiting";
    for (const deliver of random.shuffle(deliveries)) {
      const outcome = await deliver();
      if (outcome && result !== "applied") result = resultOf(outcome);
    }
    return result;
  }

  function resultOf({ applied, stale, errors, doubts, transient, poison }: ReplayOutcome): string {
    expect([transient, poison]).toEqual([[], []]);
    const [doubt] = doubts.keys();
    return doubt ?? (applied > 0 ? "applied" : errors.length > 0 ? "failed" : stale > 0 ? "stale" : "nothing");
  }

  /** What is left of transfers in the server, but for what tells late copies. */
  async function rubbish(): Promise<string[]> {
    const names = await records.keys("[dtw]*");
    const kept = await Promise.all(names.map((name) => (name[0] === "t" ? records.hkeys(name) : [])));
    return names.filter((_, index) => kept[index]!.some((field) => /^\d/.test(field)) || names[index]![0] !== "t");
  }

  /** A matcher would look at every byte by itself. */
  async function holds(key: string, expected: Buffer): Promise<boolean> {
    return (await client.getBuffer(key))?.equals(expected) ?? false;
  }

  const value = randomBytes(1_234_567);

  it("puts a SET together, whatever the order and repetition of its chunks", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const expiresMs = Date.now() + 60_000 + seed;
      expect(await receive(large(seed, "SET", "k", value, "PXAT", String(expiresMs)), new Random(seed))).toBe(
        "applied",
      );
      expect(await holds("k", value)).toBe(true);
      expect(await client.pexpiretime("k")).toBe(expiresMs);
      expect(await client.keys("*")).toEqual(["k"]);
      expect(await rubbish()).toEqual([]);
    }
    expect(await receive(large(20, "SET", "k", value))).toBe("applied");
    expect(await client.pttl("k")).toBe(-1);
  });

  it("shows nothing before all is there, and everything of it expires", async () => {
    await replayer.apply([command(1, "SET", "k", "before")]);
    const sent = large(2, "SET", "k", value);
    for (const index of [...sent.chunks.keys()].slice(1)) expect(await store(sent, index)).toBeUndefined();
    expect(await transfers.complete(sent.command)).toBeUndefined();
    expect(await client.get("k")).toBe("before");
    for (const name of await records.keys("[dt]*")) expect(await records.pttl(name)).toBeGreaterThan(horizonMs);
    expect(resultOf((await store(sent, 0))!)).toBe("applied");
    expect(await holds("k", value)).toBe(true);
  });

  it("is complete once all has come, though the last chunk comes while it is looked for", async () => {
    const sent = large(1, "SET", "k", value);
    for (const index of [...sent.chunks.keys()].slice(1)) await store(sent, index);
    // Both are sent in one write, and answered in one read.
    const [waiting, outcome] = await Promise.all([transfers.complete(sent.command), store(sent, 0)]);
    expect(waiting).toBeUndefined();
    expect(resultOf(outcome!)).toBe("applied");
    expect(await holds("k", value)).toBe(true);
  });

  it("drops a value that a newer command has overtaken", async () => {
    await replayer.apply([command(5, "SET", "k", "small")]);
    expect(await receive(large(2, "SET", "k", value))).toBe("stale");
    expect(await client.get("k")).toBe("small");
    expect(await rubbish()).toEqual([]);
  });

  it("puts a value under the commands that are newer", async () => {
    await replayer.apply([
      command(1, "SET", "k", "before"),
      command(3, "APPEND", "k", "tail"),
      command(4, "PEXPIRE", "k", "60000"),
    ]);
    expect(await receive(large(2, "SET", "k", value))).toBe("applied");
    expect(await holds("k", Buffer.concat([value, Buffer.from("tail")]))).toBe(true);
    expect(await client.pexpiretime("k")).toBe(startMs + 4 + 60_000);
    await replayer.apply([command(5, "APPEND", "k", "end")]);
    expect(await client.strlen("k")).toBe(value.length + 7);
  });

  it("goes on from a large value, and forgets it where a command should have come before", async () => {
    await receive(large(1, "SET", "k", value));
    const [applied, before] = [command(3, "APPEND", "k", "c"), command(2, "APPEND", "k", "b")];
    expect(resultOf(await replayer.apply([applied]))).toBe("applied");
    expect(await client.strlen("k")).toBe(value.length + 1);
    expect(resultOf(await replayer.apply([before]))).toBe("folded");
    expect(await client.exists("k")).toBe(0);
  });

  it("runs other commands with large arguments once, in their order", async () => {
    const second = randomBytes(2_000_000);
    await replayer.apply([command(1, "HSET", "h", "a", "1"), command(1, "RPUSH", "l", "first")]);
    const sent = [
      large(2, "HSET", "h", "big", value, "other", second, "b", "2"),
      large(2, "RPUSH", "l", value),
      large(2, "APPEND", "s", value),
      large(2, "SET", "n", value, "NX"),
      large(3, "SET", "n", second, "NX"),
    ];
    for (const each of sent) expect(await receive(each)).toBe("applied");
    await replayer.apply([command(4, "HSET", "h", "c", "3"), command(4, "RPUSH", "l", "last")]);
    // As where the server has evicted what tells late copies.
    await records.del(...(await records.keys("t*")));
    for (const each of sent) expect(await receive(each)).toBe("stale");
    expect(await client.hmget("h", "a", "b", "c")).toEqual(["1", "2", "3"]);
    const [big, other] = await client.hmgetBuffer("h", "big", "other");
    expect([big?.equals(value), other?.equals(second)]).toEqual([true, true]);
    expect(await client.llen("l")).toBe(3);
    expect((await client.lindexBuffer("l", 1))?.equals(value)).toBe(true);
    expect(await holds("s", value)).toBe(true);
    expect(await holds("n", value)).toBe(true);
    expect(await rubbish()).toEqual([]);
  });

  it("runs MSETEX with a large value as a whole, where the server knows it", async () => {
    const sent = large(2, "MSETEX", "2", "a", value, "b", "small", "PX", "600000");
    for (const index of sent.chunks.keys()) await store(sent, index);
    const outcome = await transfers.complete(sent.command);
    const [known] = (await client.call("COMMAND", "INFO", "MSETEX")) as unknown[];
    expect(outcome?.poison.map(({ command }) => command)).toEqual(known ? [] : ["MSETEX"]);
    expect([await client.exists("a", "b"), await holds("a", value)]).toEqual(known ? [2, true] : [0, false]);
  });

  it("finds places for commands after one whose many arguments left nothing", async () => {
    const tail = Buffer.concat(["a", "b", "c"].map((word) => encodeBulk(Buffer.from(word))));
    const { stamp, args } = command(2, "SREM", "k");
    const sent = { stamp, args, transfer: "tail", large: [], tail: { count: 3, bytes: tail.length } };
    await replayer.apply([command(1, "DEL", "k")]);
    await transfers.store("tail", 0, tail);
    expect(resultOf((await transfers.complete(sent))!)).toBe("applied");
    await replayer.apply([command(5, "SADD", "k", "d"), command(4, "SADD", "k", "a"), command(3, "SREM", "k", "d")]);
    expect((await client.smembers("k")).sort()).toEqual(["a", "d"]);
  });

  it("leaves an error of the data where it is", async () => {
    await replayer.apply([command(1, "SET", "k", "text")]);
    expect(await receive(large(2, "RPUSH", "k", value))).toBe("failed");
    expect(await client.get("k")).toBe("text");
  });

  it("holds nothing where the server has evicted a chunk", async () => {
    await replayer.apply([command(1, "SET", "k", "before"), command(1, "RPUSH", "l", "before")]);
    for (const sent of [large(2, "SET", "k", value), large(2, "RPUSH", "l", value)]) {
      for (const index of [...sent.chunks.keys()].slice(1)) await store(sent, index);
      await records.del(`d${sent.command.transfer}:${CHUNK_BYTES}`);
      await transfers.complete(sent.command);
      expect(resultOf((await store(sent, 0))!)).toBe("evicted");
    }
    expect(await client.keys("*")).toEqual([]);
    expect(await rubbish()).toEqual([]);
  });

  it("holds nothing where a chunk has not come within the horizon", async () => {
    await replayer.apply([command(1, "SET", "k", "before")]);
    const sent = large(2, "SET", "k", value);
    await store(sent, 1);
    expect(await transfers.complete(sent.command)).toBeUndefined();
    await records.hincrby(`t${sent.command.transfer}`, "a", -horizonMs / 1000);
    expect(resultOf((await transfers.complete(sent.command))!)).toBe("evicted");
    expect(await client.exists("k")).toBe(0);
    expect(await store(sent, 0)).toBeUndefined();
    expect(await rubbish()).toEqual([]);
  });

  it("waits a horizon for chunks, however late the command comes itself", async () => {
    const lastMs = Date.now() - 6 * horizonMs;
    replayer = new Replayer(cluster, horizonMs, { ms: lastMs - 1, counter: 0, origin: 0 });
    transfers = new Transfers({ cluster, replayer, horizonMs });
    await replayer.newest();
    // As where records are kept for what a region that was cut off has still to send.
    await records.hincrby("m", "beganBefore", -6 * horizonMs);
    startMs = lastMs;
    const [inTime, tooLate] = [large(1, "SET", "in-time", value), large(2, "SET", "too-late", value)];
    for (const sent of [inTime, tooLate]) {
      await store(sent, 1);
      expect(await transfers.complete(sent.command)).toBeUndefined();
    }
    const later = (seconds: number) => records.hincrby(`t${tooLate.command.transfer}`, "a", -seconds);
    await later(horizonMs / 1000 - 5);
    expect(await transfers.complete(tooLate.command)).toBeUndefined();
    expect(await transfers.complete(inTime.command)).toBeUndefined();
    expect(await receive(inTime)).toBe("applied");
    expect(await holds("in-time", value)).toBe(true);
    await later(5);
    expect(resultOf((await transfers.complete(tooLate.command))!)).toBe("evicted");
  });

  it("gives up with its connection, however long the server is silent", async () => {
    const own = server.connect({ disconnectTimeout: 50 });
    const others = new Replayer(own, horizonMs, { ms: startMs - 1, counter: 0, origin: 0 });
    const ending = new Transfers({ cluster: own, replayer: others, horizonMs });
    const sent = large(1, "SET", "k", value);
    for (const index of sent.chunks.keys()) await store(sent, index);
    const duplicate = own.duplicate.bind(own);
    const begun = new Promise<void>((resolve) => {
      own.duplicate = (options) => {
        process.kill(server.pid, "SIGSTOP");
        resolve();
        return duplicate(options);
      };
    });
    const completing = ending.complete(sent.command);
    try {
      await begun;
      own.disconnect();
      await expect(completing).rejects.toThrow();
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
  });

  it("frees what came of a transfer that was given up, and passes over the rest", async () => {
    const sent = large(1, "SET", "k", value);
    for (const index of [3, 4, 5]) await store(sent, index);
    await transfers.discard(sent.command.transfer);
    await store(sent, 6);
    expect(await rubbish()).toEqual([]);
    expect(await client.keys("*")).toEqual([]);
  });
});
