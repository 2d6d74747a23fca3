// A large command's last message that overtakes its chunks, on queues as SQS has them: they hand out again what was not
// acknowledged after half a minute, unless they are told otherwise.
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import { EnvelopeCodec } from "../../shim/replication/envelope";
import { encodeLarge } from "../../shim/replication/largeCommand";
import type { Replication } from "../../shim/replication/replication";
import { stampText } from "../../shim/replication/stamp";
import { awsBus, type BusEnd } from "../support/bus";
import { newReplication } from "../support/replications";
import { segmentOf } from "../support/segments";
import { describeWithServer, Server } from "../support/servers";

const region = "eu-west-1";
const origin = 77;
const envelopeKeys = [{ id: 1, key: randomBytes(32) }] as const;

/** Tells what the shims of a region tell their queue. */
const events = new EventEmitter();

function listenedBus(addresses: BusAddresses, endpoint: string): BusEnd {
  const bus = awsBus(addresses, endpoint);
  return {
    ...bus,
    extend: async (deliveries, forMs) => {
      await bus.extend(deliveries, forMs);
      for (const { body, receiveCount } of deliveries) events.emit(`extended ${body}`, receiveCount, forMs);
    },
    acknowledge: async (delivery) => {
      await bus.acknowledge(delivery);
      events.emit(`acknowledged ${delivery.body}`);
    },
  };
}

describeWithServer("a large command whose last message overtakes a chunk", () => {
  const environment = { ...process.env };
  const codec = new EnvelopeCodec(envelopeKeys);
  let emulator: Emulator;
  let addresses: BusAddresses;
  let publisher: BusEnd;
  let server: Server;
  let records: Redis;
  let shims: readonly Replication[];

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0 });
    addresses = (await createBus(emulator.endpoint, [region])).get(region)!;
    const newBus = () => listenedBus(addresses, emulator.endpoint);
    publisher = newBus();
    server = await Server.start();
    records = new Redis(server.url, { db: 1 });
    const options = { region, envelopeKeys, canaryIntervalMs: 0 };
    shims = [1, 2].map(() => newReplication(server, { ...options, bus: newBus() }));
    await Promise.all(shims.map((shim) => shim.start()));
  });

  afterAll(async () => {
    await Promise.all(shims.map((shim) => shim.drain(1000)));
    await publisher.close();
    process.env = environment;
    records.disconnect();
    await server.stop();
    await emulator.stop();
  });

  async function publish(counter: number, args: readonly (string | Buffer)[], when?: (body: string) => void) {
    const stamp = { ms: Date.now(), counter, origin };
    const message = { stamp, args: args.map((arg) => Buffer.from(arg as string)) };
    const body = codec.seal("us-east-1", segmentOf(origin, [message]));
    when?.(body);
    await publisher.publish(body);
    return stampText(stamp);
  }

  it("is left in the queue for a second, for two and so on, and is done with soon after the chunk has come", async () => {
    const args = ["SET", "k", ""].map((word) => Buffer.from(word));
    const command = encodeLarge({ transfer: "t", large: [{ index: 2, bytes: 12 }], args });
    await publish(0, ["FLY.CHUNK", "t", "0", "hello "]);
    const extended: Promise<unknown[]>[] = [];
    let acknowledged: Promise<unknown[]> | undefined;
    const stamp = await publish(1, command, (body) => {
      extended.push(once(events, `extended ${body}`));
      extended.push(extended[0]!.then(() => once(events, `extended ${body}`)));
      acknowledged = once(events, `acknowledged ${body}`);
    });
    expect(await Promise.all(extended)).toEqual([
      [1, 1000],
      [2, 2000],
    ]);
    // Whoever asks for a receipt is told that it is not replayed.
    expect(await records.zscore("a", stamp)).toBeNull();
    await publish(2, ["FLY.CHUNK", "t", "6", "world!"]);
    await acknowledged;
    expect(await records.zscore("a", stamp)).not.toBeNull();
    await records.select(0);
    expect(await records.get("k")).toBe("hello world!");
  });
});
