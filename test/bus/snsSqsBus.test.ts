import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import type { Delivery } from "../../shim/bus/bus";
import { SnsSqsBus } from "../../shim/bus/snsSqsBus";

describe("the bus on SNS and SQS", () => {
  const environment = { ...process.env };
  let emulator: Emulator;
  let addresses: Map<string, BusAddresses>;
  let open: SnsSqsBus[] = [];

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0 });
  });

  afterEach(() => {
    for (const bus of open) bus.close();
    open = [];
  });

  afterAll(async () => {
    process.env = environment;
    await emulator.stop();
  });

  /** Regions of a test's own, so that no test sees another's messages. */
  async function buses(...regions: string[]): Promise<SnsSqsBus[]> {
    addresses = await createBus(emulator.endpoint, regions);
    open = regions.map((region) => new SnsSqsBus({ ...addresses.get(region)!, endpoint: emulator.endpoint }));
    return open;
  }

  async function receive(bus: SnsSqsBus, count: number): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    while (deliveries.length < count) deliveries.push(...(await bus.receive(new AbortController().signal)));
    return deliveries;
  }

  it("carries an envelope to every region, the publisher's included, with when and how often", async () => {
    const [first, second] = await buses("us-east-1", "us-east-2");
    await first!.publish("body_-");
    for (const bus of [first!, second!]) {
      expect(await receive(bus, 1)).toEqual([
        { body: "body_-", handle: expect.any(String), receiveCount: 1, sentAtMs: expect.any(Number) },
      ]);
    }
  });

  it("acknowledges more deliveries than one call takes, and again what is gone already", async () => {
    const [bus] = await buses("us-west-1");
    for (let index = 0; index < 12; index += 1) await bus!.publish(String(index));
    const deliveries = await receive(bus!, 12);
    await bus!.acknowledge(deliveries);
    await bus!.acknowledge(deliveries);
  });

  it("sets a rejected delivery aside with the reason", async () => {
    const [bus] = await buses("us-west-2");
    await bus!.publish("bad");
    const [delivery] = await receive(bus!, 1);
    await bus!.reject(delivery!, "because");
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: "us-west-2", credentials });
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: addresses.get("us-west-2")!.deadLetterQueueUrl,
        MessageAttributeNames: ["All"],
      }),
    );
    expect(Messages).toMatchObject([{ Body: "bad", MessageAttributes: { reason: { StringValue: "because" } } }]);
    sqs.destroy();
  });

  it("ends a long poll when told to", async () => {
    const [bus] = await buses("eu-west-2");
    const stopping = new AbortController();
    const polling = bus!.receive(stopping.signal);
    stopping.abort();
    await expect(polling).rejects.toMatchObject({ name: "AbortError" });
  });

  it("rejects where the topic's region is cut off, and where an ARN names no region", async () => {
    const [bus] = await buses("eu-west-3");
    emulator.cut("eu-west-3");
    await expect(bus!.publish("body")).rejects.toThrow("cut off");
    emulator.heal();
    const nowhere = { topicArn: "topic", queueUrl: "http://localhost", deadLetterQueueUrl: "http://localhost" };
    expect(() => new SnsSqsBus(nowhere)).toThrow('"topic" names no region');
  });
});
