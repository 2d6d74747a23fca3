import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Network, type NetworkEnd } from "../../chaos/network";
import { Random } from "../../chaos/random";
import { EnvelopeCodec, type StampedCommand } from "../../shim/replication/envelope";
import type { Replication } from "../../shim/replication/replication";
import { stampText } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { newReplication } from "../support/replications";
import { describeWithServer } from "../support/servers";
import golden from "./golden/messages.json";

const codec = new EnvelopeCodec([{ id: 7, key: Buffer.alloc(32, 7) }]);
/** Before all stamps of the golden messages. */
const BEFORE_MS = 1_600_000_000_000;

// Written once by the version that had the messages first, in us-east-1: every later one must do as they say.
describeWithServer("messages of the version that had them first", () => {
  let server: ConnectedServer;
  let client: Redis;
  let records: Redis;
  let end: NetworkEnd;
  let replication: Replication;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
    records = server.connect({ db: 1 });
    await client.mset("page:1", "v", "other", "v");
    // Nothing has been forgotten since.
    await records.hset("m", {
      newest: stampText({ ms: BEFORE_MS, counter: 0, origin: 0 }),
      generation: 1,
      began: Date.now(),
      beganBefore: BEFORE_MS,
    });
    const network = new Network(
      ["us-east-1", "eu-west-1"],
      { duplicate: 0, reorder: 0, drop: 0, lostAcknowledgement: 0, lose: 0 },
      new Random(1),
    );
    end = network.end("eu-west-1");
    const envelopeKeys = [{ id: 7, key: Buffer.alloc(32, 7) }] as const;
    replication = newReplication(server, { region: "eu-west-1", bus: end, envelopeKeys, canaryIntervalMs: 0 });
    await replication.start();
    for (const { text } of golden) await network.end("us-east-1").publish(text);
    const envelopes = golden.map(({ text }) => stampText(codec.open(text).oldest!));
    await eventually(async () =>
      expect(await records.zrange("a", "0", "-1")).toEqual(expect.arrayContaining(envelopes)),
    );
  });

  afterAll(async () => {
    await replication.drain(1000);
    await server.close();
  });

  /** What was sent of a message. */
  function sent(name: string): readonly StampedCommand[] {
    return end.published
      .flatMap((text) => [...codec.open(text).commands])
      .filter(({ args }) => String(args[0]) === name);
  }

  it("open as they were sealed", () => {
    for (const { text, commands } of golden) {
      const opened = [...codec.open(text).commands].map(({ args }) => args.map((arg) => arg.toString("latin1")));
      expect(opened).toEqual(commands);
    }
    expect(replication.figures()).toMatchObject({ poison: 0, doubtful: 0 });
  });

  it("bring large arguments, a large tail, and nothing of what was given up", async () => {
    expect(await client.get("plain")).toBe("v");
    expect(await client.get("big")).toBe("0123456789abcdef");
    expect(await client.pexpiretime("big")).toBe(4_102_444_800_000);
    expect(await client.hgetall("tail")).toEqual({ f: "v", f2: "w" });
    expect(await client.hgetall("two")).toEqual({ a: "hello", b: "you" });
    expect(await records.keys("d*")).toEqual([]);
  });

  it("purge", async () => {
    expect(await client.exists("page:1", "other")).toBe(1);
  });

  it("ask, and are answered, once what they ask about is replayed", async () => {
    await eventually(() =>
      expect(
        sent("FLY.RECEIPT")
          .map(({ args }) => args.slice(1).map(String))
          .sort(),
      ).toEqual([
        // Asked for the first time, a question is named by its own stamp.
        ["018bcfe5688c0000deadbeef", "us-east-1"],
        ["018bcfe568a00000deadbeef", "us-east-1"],
      ]),
    );
  });

  it("tell who has replayed", async () => {
    expect(await records.zrange("a", "0", "-1")).toContain("018bcfe5681400000000002a:us-east-1");
  });
});
