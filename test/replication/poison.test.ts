import { randomBytes } from "node:crypto";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { Registry } from "prom-client";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import { type CommandReplyEntry, specificationsFrom } from "../../shim/commands/specification";
import { EnvelopeCodec } from "../../shim/replication/envelope";
import { encodeLarge } from "../../shim/replication/largeCommand";
import type { Replication } from "../../shim/replication/replication";
import { stampText } from "../../shim/replication/stamp";
import { awsBus } from "../support/bus";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { newReplication } from "../support/replications";
import { segmentOf } from "../support/segments";
import { describeWithServer } from "../support/servers";

const region = "eu-west-1";
const envelopeKeys = [{ id: 1, key: randomBytes(32) }] as const;
const codec = new EnvelopeCodec(envelopeKeys);

describeWithServer("an envelope that cannot be replayed", () => {
  let server: ConnectedServer;
  let client: Redis;
  let records: Redis;
  let emulator: Emulator;
  let addresses: BusAddresses;
  let sns: SNSClient;
  let sqs: SQSClient;
  let registry: Registry;
  let replication: Replication;
  let logged: { level: number; msg: string; reason?: string; command?: string; error?: string }[];
  const environment = { ...process.env };
  /** Calls to the dead-letter queue that are to fail. */
  const failures: string[] = [];
  /** Envelopes in the dead-letter queue so far. */
  let moved = 0;

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0 });
    addresses = (await createBus(emulator.endpoint, [region])).get(region)!;
    sns = new SNSClient({ endpoint: emulator.endpoint, region, credentials });
    sqs = new SQSClient({ endpoint: emulator.endpoint, region, credentials });
    server = await ConnectedServer.start();
    client = server.connect();
    records = server.connect({ db: 1 });
    registry = new Registry();
    const bus = awsBus(addresses, emulator.endpoint);
    replication = newReplication(server, {
      region,
      bus: {
        ...bus,
        reject: (...args) => (failures.pop() ? Promise.reject(new Error("not now")) : bus.reject(...args)),
      },
      envelopeKeys,
      canaryIntervalMs: 0,
      log: pino({ level: "warn" }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
      registry,
    });
    logged = [];
    await replication.start();
  });

  beforeEach(() => {
    logged = [];
  });

  afterAll(async () => {
    await replication.drain(1000);
    process.env = environment;
    for (const each of [sns, sqs]) each.destroy();
    await server.close();
    await emulator.stop();
  });

  function seal(ms: number, line: string, sealing = codec): string {
    return sealAll(ms, [line.split(" ").map((word) => Buffer.from(word))], sealing);
  }

  function sealAll(ms: number, commands: readonly (readonly Buffer[])[], sealing = codec): string {
    const stamped = commands.map((args, counter) => ({ stamp: { ms, counter, origin: 1 }, args }));
    return sealing.seal("us-east-1", segmentOf(1, stamped));
  }

  async function publish(...bodies: readonly string[]): Promise<void> {
    for (const Message of bodies) await sns.send(new PublishCommand({ TopicArn: addresses.topicArn, Message }));
  }

  /** What has newly come into the dead-letter queue: each body with its reason. */
  async function dead(): Promise<[body: string | undefined, reason: string | undefined][]> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: addresses.deadLetterQueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ["All"],
      }),
    );
    return Messages.map(({ Body, MessageAttributes }) => [Body, MessageAttributes?.reason?.StringValue]);
  }

  /** That so many more were counted as poison, which happens once they are in the queue. */
  async function counted(more: number): Promise<void> {
    moved += more;
    await eventually(async () => expect(await registry.metrics()).toContain(`poison_envelopes_total ${moved}\n`));
  }

  it("goes to the dead-letter queue with the reason, is logged and counted once, and the rest flows", async () => {
    const nowMs = Date.now();
    const fine = seal(nowMs, "SET k v");
    const future = seal(nowMs + 180_000, "SET k v");
    const unknown = seal(nowMs, "NOSUCH k");
    const bytes = Buffer.from(fine, "base64url");
    const newer = Buffer.from(bytes).fill(9, 0, 1).toString("base64url");
    const stamp = (ms: number) => stampText({ ms, counter: 0, origin: 1 });
    const expected = new Map([
      ["nonsense", /^an envelope of \d+ bytes is shorter/],
      [newer, /^version 9 \(flags 0\) cannot be read: upgrade this shim$/],
      [fine.slice(0, -8), /^the envelope was cut short or changed/],
      [seal(nowMs, "SET k v", new EnvelopeCodec([{ id: 9, key: randomBytes(32) }])), /^sealed with key 9, which/],
      [seal(nowMs, "SET k v", new EnvelopeCodec([{ id: 1, key: randomBytes(32) }])), /^the envelope was cut short or/],
      [future, new RegExp(`^stamp ${stamp(nowMs + 180_000)} is too far in the future`)],
      [unknown, new RegExp(`^command NOSUCH with stamp ${stamp(nowMs)}: .*ERR Unknown`)],
    ]);
    await publish(...expected.keys(), seal(nowMs, "SET fine v"));
    const found = new Map<string | undefined, string | undefined>();
    await eventually(async () => {
      for (const [body, reason] of await dead()) found.set(body, reason);
      expect(found.size).toBe(expected.size);
    });
    for (const [body, reason] of expected) expect(found.get(body)).toMatch(reason);
    await eventually(async () => expect(await client.mget("fine", "k")).toEqual(["v", null]));
    await counted(expected.size);
    expect(replication.figures().poison).toBe(expected.size);
    const lines = logged.filter(({ msg }) => msg === "poison: moving an envelope to the dead-letter queue");
    expect(lines.map(({ level }) => level)).toEqual(Array(expected.size).fill(50));
    expect(lines.map(({ reason }) => reason).sort()).toEqual([...found.values()].sort());
  });

  it("has the good commands in it replayed, once however often it is redriven", async () => {
    const nowMs = Date.now();
    const lines = (delta: number) =>
      ["good", "bad", "fair"].map((key) => ["INCRBY", `mixed:${key}`, String(delta)].map((word) => Buffer.from(word)));
    await publish(sealAll(nowMs, lines(1)));
    await eventually(async () => expect(await client.get("mixed:fair")).toBe("1"));
    await records.set("jmixed:bad", "damaged");
    const body = sealAll(nowMs + 1, lines(2));
    await publish(body);
    const found: unknown[] = [];
    await eventually(async () => {
      found.push(...(await dead()));
      expect(found).toHaveLength(1);
    });
    const stamp = stampText({ ms: nowMs + 1, counter: 1, origin: 1 });
    expect(found).toEqual([[body, expect.stringMatching(`^command INCRBY with stamp ${stamp}: WRONGTYPE`)]]);
    expect(await client.mget("mixed:good", "mixed:bad", "mixed:fair")).toEqual(["3", null, "3"]);
    await counted(1);
    // Redriven, as the operations page says, once the key was written anew.
    await publish(seal(nowMs + 2, "SET mixed:bad 7"));
    await eventually(async () => expect(await client.get("mixed:bad")).toBe("7"));
    await publish(body, seal(nowMs, "SET mixed:done v"));
    await eventually(async () => expect(await client.get("mixed:done")).toBe("v"));
    expect(await client.mget("mixed:good", "mixed:bad", "mixed:fair")).toEqual(["3", "7", "3"]);
    expect(await dead()).toEqual([]);
  });

  it("goes there too where it is this region's own, which has failed over it already, and the queue fails once", async () => {
    const [incr] = specificationsFrom((await client.call("COMMAND", "INFO", "INCR")) as CommandReplyEntry[]);
    const accept = () =>
      replication.accept(
        incr!,
        ["INCR", "own"].map((word) => Buffer.from(word)),
      );
    accept();
    await eventually(async () => expect(await client.get("own")).toBe("1"));
    await records.set("jown", "damaged");
    failures.push("dead-letter queue");
    accept();
    const found: unknown[] = [];
    await eventually(async () => {
      found.push(...(await dead()));
      expect(found).toHaveLength(1);
    });
    expect(found).toEqual([[expect.anything(), expect.stringMatching(/^command INCR with stamp \w+: WRONGTYPE/)]]);
    expect(failures).toEqual([]);
    await counted(1);
    expect(await client.exists("own")).toBe(0);
  });

  it("goes there too where it makes a large command complete that the server does not know", async () => {
    const nowMs = Date.now();
    const command = { transfer: "unknown", large: [{ index: 2, bytes: 5 }] };
    const args = ["NOSUCH", "large", ""].map((word) => Buffer.from(word));
    const body = sealAll(nowMs, [encodeLarge({ ...command, args })]);
    await publish(sealAll(nowMs, [["FLY.CHUNK", "unknown", "0", "hello"].map((word) => Buffer.from(word))]));
    await eventually(async () => expect(await records.exists("dunknown:0")).toBe(1));
    await publish(body);
    const found: unknown[] = [];
    await eventually(async () => {
      found.push(...(await dead()));
      expect(found).toHaveLength(1);
    });
    const stamp = stampText({ ms: nowMs, counter: 0, origin: 1 });
    expect(found).toEqual([[body, expect.stringMatching(`^command NOSUCH with stamp ${stamp}: .*Unknown`)]]);
    await counted(1);
  });

  it("for now alone stays out of the dead-letter queue, and is replayed as soon as it can be", async () => {
    const nowMs = Date.now();
    await publish(seal(nowMs, "SET transient old"), seal(nowMs, "HSET transient:hash f old"));
    await eventually(async () => expect(await client.exists("transient", "transient:hash")).toBe(2));
    // Everything that takes memory is refused, and nothing is evicted for it.
    const [, policy = ""] = (await client.config("GET", "maxmemory-policy")) as string[];
    await client.config("SET", "maxmemory-policy", "noeviction");
    await client.config("SET", "maxmemory", "1");
    try {
      await publish(seal(nowMs + 1, "SET transient v"), seal(nowMs + 1, "HSET transient:hash f v"));
      await eventually(() =>
        expect(logged.map(({ msg, command, error }) => `${msg}: ${command}: ${error}`).sort()).toEqual([
          expect.stringMatching(/^cannot replay now: trying again: HSET: OOM/),
          expect.stringMatching(/^cannot replay now: trying again: SET: OOM/),
        ]),
      );
      expect([await client.get("transient"), await client.hget("transient:hash", "f")]).toEqual(["old", "old"]);
    } finally {
      await client.config("SET", "maxmemory", "0");
      await client.config("SET", "maxmemory-policy", policy);
    }
    await eventually(async () => expect(await client.get("transient")).toBe("v"));
    await eventually(async () => expect(await client.hgetall("transient:hash")).toEqual({ f: "v" }));
    await counted(0);
    expect(await dead()).toEqual([]);
  });
});
