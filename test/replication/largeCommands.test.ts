import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Network, type NetworkEnd, type NetworkFaults } from "../../chaos/network";
import { Random } from "../../chaos/random";
import type { Delivery } from "../../shim/bus/bus";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import { EnvelopeCodec } from "../../shim/replication/envelope";
import { encodeLarge } from "../../shim/replication/largeCommand";
import type { Replication } from "../../shim/replication/replication";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { newReplication } from "../support/replications";
import { segmentOf } from "../support/segments";
import { describeWithServer } from "../support/servers";

const regions = ["us-east-1", "eu-west-1"] as const;
const envelopeKeys = [{ id: 1, key: randomBytes(32) }] as const;
const commands = new Map(packagedSpecifications().map((command) => [command.name, command]));
const noFaults: NetworkFaults = { duplicate: 0, reorder: 0, drop: 0, lostAcknowledgement: 0, lose: 0 };

describeWithServer("large commands over a bus that hands out again what was not acknowledged", () => {
  let servers: readonly ConnectedServer[];
  let client: Redis;
  let network: Network;
  let shims: readonly Replication[];
  /** What the second region has received. */
  let received: Delivery[];

  async function start(faults: Partial<NetworkFaults>): Promise<void> {
    network = new Network(regions, { ...noFaults, ...faults }, new Random(1));
    servers = await Promise.all(regions.map(() => ConnectedServer.start()));
    client = servers[1]!.connect();
    shims = regions.map((region, index) => {
      const bus = index === 0 ? network.end(region) : listening(network.end(region));
      return newReplication(servers[index]!, { region, bus, envelopeKeys, envelopeMaxBytes: 1 << 13 });
    });
    await Promise.all(shims.map((shim) => shim.start()));
    await eventually(() => expect(Object.keys(shims[0]!.regionFigures())).toHaveLength(2));
  }

  function listening(end: NetworkEnd): NetworkEnd {
    const receive = async (signal: AbortSignal) => {
      const deliveries = await end.receive(signal);
      received.push(...deliveries);
      return deliveries;
    };
    return { ...end, receive };
  }

  beforeEach(() => {
    received = [];
  });

  afterEach(async () => {
    await Promise.all(shims.map((shim) => shim.drain(2000)));
    await Promise.all(servers.map((server) => server.close()));
  });

  function accept(...words: readonly (string | Buffer)[]): void {
    const args = words.map((word) => Buffer.from(word as string));
    const answer = shims[0]!.accept(commands.get(String(words[0])) as CommandSpecification, args);
    expect(answer).toEqual({ ok: true });
  }

  it("arrive whole, though a third of all deliveries is lost at first", async () => {
    await start({ drop: 0.3, duplicate: 0.2, reorder: 0.2, lostAcknowledgement: 0.2 });
    const values = Array.from({ length: 5 }, () => randomBytes(40_000));
    for (const [index, value] of values.entries()) {
      accept("SET", `k${index}`, value);
      accept("RPUSH", `l${index}`, "first", value);
    }
    await eventually(async () => {
      for (const [index, value] of values.entries()) {
        expect((await client.getBuffer(`k${index}`))?.equals(value)).toBe(true);
        expect((await client.lindexBuffer(`l${index}`, 1))?.equals(value)).toBe(true);
      }
    });
    expect(received.some(({ receiveCount }) => receiveCount > 1)).toBe(true);
    for (const shim of shims) expect(shim.figures()).toMatchObject({ doubtful: 0, poison: 0, failed: 0 });
    for (const index of values.keys()) expect(await client.llen(`l${index}`)).toBe(2);
  });

  it("wait for their last chunk as a message that comes again, and then no more", async () => {
    await start({});
    const codec = new EnvelopeCodec(envelopeKeys);
    const publish = async (counter: number, args: readonly (string | Buffer)[]) => {
      const stamp = { ms: Date.now(), counter, origin: 77 };
      const message = { stamp, args: args.map((arg) => Buffer.from(arg as string)) };
      const body = codec.seal(regions[0], segmentOf(stamp.origin, [message]));
      await network.end(regions[0]).publish(body);
      return body;
    };
    const [name, key, empty] = ["SET", "k", ""].map((word) => Buffer.from(word)) as [Buffer, Buffer, Buffer];
    const command = { transfer: "t", large: [{ index: 2, bytes: 12 }], args: [name, key, empty] };
    await publish(0, ["FLY.CHUNK", "t", "0", "hello "]);
    const large = await publish(1, encodeLarge(command));
    const timesReceived = () => received.filter(({ body }) => body === large).length;
    await eventually(() => expect(timesReceived()).toBeGreaterThan(2));
    expect(await client.exists("k")).toBe(0);
    await publish(2, ["FLY.CHUNK", "t", "6", "world!"]);
    await eventually(async () => expect(await client.get("k")).toBe("hello world!"));
    // It is acknowledged at last: nothing but canaries comes.
    await eventually(async () => {
      const [times, count] = [timesReceived(), received.length];
      await eventually(() => expect(received.length).toBeGreaterThan(count + 10));
      expect(timesReceived()).toBe(times);
    });
    for (const shim of shims) expect(shim.figures()).toMatchObject({ doubtful: 0, poison: 0 });
  });
});
