import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { ChangeMessageVisibilityCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import type { Delivery } from "../../shim/bus/bus";
import type { OnRequest } from "../../shim/bus/sdk";
import { awsBus, type BusEnd } from "../support/bus";

/** By AWS's Signature Version 4, as the service computes it. */
function signatureOf(headers: IncomingHttpHeaders, body: string): string {
  const [, scope = "", signed = ""] =
    /Credential=[^/]+\/(\S+), SignedHeaders=([^,]+)/.exec(headers.authorization!) ?? [];
  const hash = (of: string) => createHash("sha256").update(of).digest("hex");
  const lines = signed.split(";").map((name) => `${name}:${headers[name]}\n`);
  const request = ["POST", "/", "", lines.join(""), signed, hash(body)].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash(request)].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (secret, part) => createHmac("sha256", secret).update(part).digest(),
      `AWS4${credentials.secretAccessKey}`,
    );
  return createHmac("sha256", key).update(toSign).digest("hex");
}

describe("the bus on SNS and SQS", () => {
  const environment = { ...process.env };
  let emulator: Emulator;
  let addresses: Map<string, BusAddresses>;
  let open: BusEnd[] = [];

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0 });
  });

  afterEach(async () => {
    await Promise.all(open.map((bus) => bus.close()));
    open = [];
  });

  afterAll(async () => {
    process.env = environment;
    await emulator.stop();
  });

  /** Regions of a test's own, so that no test sees another's messages. */
  async function buses(...regions: string[]): Promise<BusEnd[]> {
    addresses = await createBus(emulator.endpoint, regions);
    return regions.map((region) => newBus(addresses.get(region)!));
  }

  function newBus(of: BusAddresses, endpoint = emulator.endpoint, onRequest?: OnRequest): BusEnd {
    const bus = awsBus(of, endpoint, onRequest);
    open.push(bus);
    return bus;
  }

  async function receive(bus: BusEnd, count: number): Promise<Delivery[]> {
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

  it("mixes up no envelopes that are under way at the same time, of whatever size", async () => {
    const [first] = await buses("us-east-1");
    const sizes = [190_000, 20, 170_000, 190_001, 180_000, 1];
    const bodies = sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size));
    // Twice: buffers that are used again have the bytes of others in them.
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(bodies.map((body) => first!.publish(body)));
      const received = (await receive(first!, bodies.length)).map(({ body }) => body);
      expect(received.sort()).toEqual(bodies);
    }
  });

  it("publishes in a request that the SDK has signed for what is in it", async () => {
    const requests: [IncomingHttpHeaders, string][] = [];
    const server = createServer(async (request, response) => {
      requests.push([request.headers, await text(request)]);
      response.end("<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await buses("us-east-1");
    const address = addresses.get("us-east-1")!;
    await newBus(address, endpoint).publish("body_-");
    const [[headers, body]] = requests as [[IncomingHttpHeaders, string]];
    server.close();
    const query = { Action: "Publish", Version: "2010-03-31", TopicArn: address.topicArn, Message: "body_-" };
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual(query);
    expect(headers["content-length"]).toBe(String(body.length));
    expect(/Signature=(\w+)/.exec(headers.authorization!)?.[1]).toBe(signatureOf(headers, body));
  });

  it("acknowledges ten at a time, what is left before it closes, and again what is gone already", async () => {
    const [first] = await buses("us-west-1");
    for (let index = 0; index < 12; index += 1) await first!.publish(String(index));
    const requests: string[] = [];
    const deletions = () => requests.filter((operation) => operation === "DeleteMessageBatch");
    const bus = newBus(addresses.get("us-west-1")!, emulator.endpoint, (operation) => requests.push(operation));
    const deliveries = await receive(bus, 12);
    const acknowledged = deliveries.map((delivery) => bus.acknowledge(delivery));
    await Promise.all(acknowledged.slice(0, 10));
    expect(deletions()).toHaveLength(1);
    await bus.close();
    await Promise.all(acknowledged);
    expect(deletions()).toHaveLength(2);
    await Promise.all(deliveries.map((delivery) => first!.acknowledge(delivery)));
  });

  it("acknowledges a few deliveries after a while", async () => {
    const [bus] = await buses("ca-central-1");
    await bus!.publish("few");
    await bus!.acknowledge((await receive(bus!, 1))[0]!);
  });

  it("tries again to acknowledge what a batch call could not, and says what it could never", async () => {
    const entries: string[][] = [];
    const answer: { Id: string; SenderFault: boolean; Code: string; Message: string }[][] = [];
    const failing = (Id: string, SenderFault: boolean) => ({ Id, SenderFault, Code: "Some", Message: "not now" });
    const sqs = createServer(async (request, response) => {
      const { Entries } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      entries.push(Entries.map(({ ReceiptHandle }: { ReceiptHandle: string }) => ReceiptHandle));
      response.setHeader("Content-Type", "application/x-amz-json-1.0");
      response.end(JSON.stringify({ Successful: [], Failed: answer.shift() ?? [] }));
    }).listen(0, "127.0.0.1");
    try {
      await once(sqs, "listening");
      await buses("eu-north-1");
      const endpoint = `http://127.0.0.1:${(sqs.address() as AddressInfo).port}`;
      const bus = newBus(addresses.get("eu-north-1")!, endpoint);
      const batch = () =>
        Array.from({ length: 10 }, (_, index) => ({ body: "", handle: `h${index}`, sentAtMs: 0, receiveCount: 1 }));
      answer.push([failing("3", false), failing("5", true)], []);
      await Promise.all(batch().map((delivery) => bus.acknowledge(delivery)));
      expect(entries.map((each) => each.join())).toEqual(["h0,h1,h2,h3,h4,h5,h6,h7,h8,h9", "h3"]);
      answer.push([failing("3", false)], [failing("0", false)]);
      await expect(Promise.all(batch().map((delivery) => bus.acknowledge(delivery)))).rejects.toThrow(
        "SQS kept 1 acknowledged messages (not now)",
      );
      answer.push([failing("0", true)], []);
      entries.length = 0;
      await expect(bus.extend([...batch(), ...batch()])).rejects.toThrow("SQS will hand out 1 messages again: not now");
      expect(entries).toHaveLength(2);
    } finally {
      sqs.close();
    }
  });

  it("receives fewer at a time while they are large", async () => {
    const [bus] = await buses("sa-east-1");
    const { signal } = new AbortController();
    for (let sent = 0; sent < 14; sent += 1) await bus!.publish("x".repeat(200_000));
    const sizes: number[] = [];
    for (let received = 0; received < 14; received += sizes.at(-1)!) sizes.push((await bus!.receive(signal)).length);
    expect(sizes).toEqual([10, 1, 1, 1, 1]);
    await bus!.publish("small");
    await bus!.receive(signal);
    expect(bus!.batchSize).toBe(10);
  });

  it("keeps a delivery from others for longer", async () => {
    const [bus] = await buses("eu-south-1");
    await bus!.publish("slow");
    const deliveries = await receive(bus!, 1);
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: "eu-south-1", credentials });
    const { queueUrl: QueueUrl } = addresses.get("eu-south-1")!;
    const ReceiptHandle = deliveries[0]!.handle;
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 1 }));
    await bus!.extend(deliveries);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2 }));
    expect(Messages ?? []).toEqual([]);
    sqs.destroy();
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
    expect(() => newBus(nowhere)).toThrow('"topic" names no region');
  });
});
