// The emulator as the SDK sees it, and each fault that its wires can have.

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { type Faults, noFaults } from "../../local/wires";

const NEAR = "us-east-1";
const FAR = "ap-northeast-1";
const NEAR_TO_FAR_MS = 73;
const running: { stop(): unknown }[] = [];

afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

/** An emulator with a bus of two regions. */
async function start(faults: Partial<Faults> = {}) {
  const emulator = await Emulator.start({ ...noFaults, delay: 0, ...faults });
  running.push(emulator);
  const bus = await createBus(emulator.endpoint, [NEAR, FAR]);
  return {
    emulator,
    publish: (from: string, body: string) => {
      const sns = new SNSClient({ endpoint: emulator.endpoint, region: from, credentials, maxAttempts: 1 });
      return sns.send(new PublishCommand({ TopicArn: bus.get(from)!.topicArn, Message: body }));
    },
    /** The next messages of a region's queue, as many as asked for, in order of arrival. */
    receive: (region: string, count: number) => receive(emulator.endpoint, region, bus.get(region)!, count),
  };
}

async function receive(endpoint: string, region: string, { queueUrl }: BusAddresses, count: number) {
  const sqs = new SQSClient({ endpoint, region, credentials });
  const bodies: string[] = [];
  while (bodies.length < count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 10, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) throw new Error(`Only ${bodies.length} messages came`);
    bodies.push(...Messages.map(({ Body }) => Body!));
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
  return bodies;
}

const letters = Array.from({ length: 12 }, (_, index) => String.fromCharCode(97 + index));

describe("the bus", () => {
  test("carries a message to every region's queue, the publisher's included", async () => {
    const { publish, receive } = await start();
    await publish(NEAR, "hello");
    expect(await Promise.all([receive(NEAR, 1), receive(FAR, 1)])).toEqual([["hello"], ["hello"]]);
  });

  test("keeps messages for fourteen days and dead-letters only after many receives", async () => {
    const { emulator } = await start();
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: FAR, credentials });
    const bus = await createBus(emulator.endpoint, [FAR]);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: bus.get(FAR)!.queueUrl, AttributeNames: ["All"] }),
    );
    expect(Attributes).toMatchObject({ MessageRetentionPeriod: "1209600" });
    expect(JSON.parse(Attributes!.RedrivePolicy!)).toMatchObject({ maxReceiveCount: 1000 });
  });

  test("loses nothing to a long poll whose client has gone", async () => {
    const { emulator, publish, receive } = await start();
    const { queueUrl: QueueUrl } = (await createBus(emulator.endpoint, [NEAR])).get(NEAR)!;
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: NEAR, credentials });
    const gone = new AbortController();
    const poll = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 });
    const polling = sqs.send(poll, { abortSignal: gone.signal });
    // Answered behind the poll, which therefore waits by now.
    await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    gone.abort();
    await expect(polling).rejects.toThrow("aborted");
    await publish(NEAR, "hello");
    expect(await receive(NEAR, 1)).toEqual(["hello"]);
  });
});

describe("the wires", () => {
  test("take half a round trip, and keep the order, when they have no fault", async () => {
    const { publish, receive } = await start({ delay: 1 });
    const since = Date.now();
    for (const letter of letters) await publish(NEAR, letter);
    expect(await receive(FAR, letters.length)).toEqual(letters);
    expect(Date.now() - since).toBeGreaterThanOrEqual(NEAR_TO_FAR_MS - 1);
  });

  test("deliver twice what they duplicate", async () => {
    const { publish, receive } = await start({ duplicate: 1 });
    await publish(NEAR, "twice");
    expect(await receive(FAR, 2)).toEqual(["twice", "twice"]);
  });

  test("make good later what they drop", async () => {
    const { publish, receive } = await start({ drop: 1 });
    await publish(NEAR, "late");
    expect(await receive(FAR, 1)).toEqual(["late"]);
  });

  test("let later messages overtake, in the same way for the same seed", async () => {
    const order = async (seed: number) => {
      const { publish, receive } = await start({ reorder: 0.5, seed });
      await Promise.all(letters.map((letter) => publish(NEAR, letter)));
      return receive(FAR, letters.length);
    };
    const [first] = await Promise.all([order(7)]);
    expect(first).not.toEqual(letters);
    expect([...first].sort()).toEqual(letters);
  });

  test("refuse a cut-off region's publishes, hold what is on its way to it, and deliver that when healed", async () => {
    const { emulator, publish, receive } = await start();
    emulator.cut(FAR);
    await expect(publish(FAR, "refused")).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } });
    await publish(NEAR, "held");
    expect(await receive(NEAR, 1)).toEqual(["held"]);
    emulator.heal();
    expect(await receive(FAR, 1)).toEqual(["held"]);
  });
});
