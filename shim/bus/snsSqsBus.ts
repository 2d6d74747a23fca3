// The bus on SNS and SQS: publishes to the region's own topic, receives from the region's own queue, which all topics feed
// with raw delivery. It calls no other region.

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { Counter, type Registry } from "prom-client";
import { Batches } from "./batches";
import type { Bus, Delivery } from "./bus";

/** Where a region's end of the bus is. Credentials come from the environment, as the AWS SDK finds them. */
export interface SnsSqsBusOptions {
  /** Also tells the region of all three. */
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** URL of an emulator; AWS's own endpoints otherwise. */
  readonly endpoint?: string;
  readonly registry: Registry;
}

const LONG_POLL_SECONDS = 20;
/** SQS hands out, keeps and deletes at most this many messages a call. */
const BATCH_SIZE = 10;
/** Of messages: more in one receive would hold up everything else while they are taken apart. Costs go by size, too. */
const RECEIVE_CHARACTERS = 256 * 1024;
const VISIBILITY_SECONDS = 30;
/** What is deleted that much later costs a tenth, and comes again if the shim dies in between. */
const DELETE_LINGER_MS = 1_000;
/** Publisher and consumer have their own, longer patience. */
const MAX_ATTEMPTS = 2;
/** A call that got lost on the way must end as an error: the SDK would wait for ever. */
const TIMEOUTS = { connectionTimeout: 3_000, throwOnRequestTimeout: true } as const;
const REQUEST_TIMEOUT_MS = 10_000;

/** {@link Bus} on one region's SNS topic and SQS queue. */
export class SnsSqsBus implements Bus {
  readonly visibilityMs = VISIBILITY_SECONDS * 1000;
  private readonly options: SnsSqsBusOptions;
  private readonly topics: SNSClient;
  private readonly queues: SQSClient;
  /** So many messages of the size that came last are enough at a time. */
  private enough = BATCH_SIZE;
  private readonly deletions = new Batches<Delivery>({
    size: BATCH_SIZE,
    lingerMs: DELETE_LINGER_MS,
    send: (deliveries) => this.delete(deliveries),
  });

  /** @throws RangeError where the topic's ARN names no region. */
  constructor(options: SnsSqsBusOptions) {
    const region = options.topicArn.split(":")[3];
    if (region === undefined || region === "") {
      throw new RangeError(
        `"${options.topicArn}" names no region: give a topic's ARN, arn:aws:sns:<region>:<account>:<name>`,
      );
    }
    const shared = {
      region,
      maxAttempts: MAX_ATTEMPTS,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    };
    this.options = options;
    this.topics = new SNSClient({ ...shared, requestHandler: { ...TIMEOUTS, requestTimeout: REQUEST_TIMEOUT_MS } });
    this.queues = new SQSClient({
      ...shared,
      // With the queue's URL as endpoint, an endpoint of the caller's would be passed over.
      useQueueUrlAsEndpoint: false,
      // Who opens an envelope knows whether it came as it was sealed.
      md5: false,
      requestHandler: { ...TIMEOUTS, requestTimeout: LONG_POLL_SECONDS * 1000 + REQUEST_TIMEOUT_MS },
    });
    const requests = new Counter({
      name: "redis_on_fly_bus_requests_total",
      help: "Requests to SNS and SQS, which charge for each, by operation; one that is tried again counts again",
      labelNames: ["operation"],
      registers: [options.registry],
    });
    const count =
      <Arguments, Result>(next: (args: Arguments) => Result, { commandName = "" }: { commandName?: string }) =>
      (args: Arguments) => {
        requests.inc({ operation: commandName.replace(/Command$/, "") });
        return next(args);
      };
    // Behind the SDK's own retries.
    const position = { step: "finalizeRequest", priority: "low" } as const;
    this.topics.middlewareStack.add(count, position);
    this.queues.middlewareStack.add(count, position);
  }

  get batchSize(): number {
    return this.enough;
  }

  async publish(body: string): Promise<void> {
    await this.topics.send(new PublishCommand({ TopicArn: this.options.topicArn, Message: body }));
  }

  async receive(signal: AbortSignal): Promise<readonly Delivery[]> {
    const { Messages = [] } = await this.queues.send(
      new ReceiveMessageCommand({
        QueueUrl: this.options.queueUrl,
        MaxNumberOfMessages: this.enough,
        WaitTimeSeconds: LONG_POLL_SECONDS,
        VisibilityTimeout: VISIBILITY_SECONDS,
        MessageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
      }),
      { abortSignal: signal },
    );
    const characters = Messages.reduce((sum, { Body = "" }) => sum + Body.length, 0);
    const fitting = Math.floor((RECEIVE_CHARACTERS * Messages.length) / characters);
    this.enough = Math.max(1, Math.min(fitting || BATCH_SIZE, BATCH_SIZE));
    return Messages.map(({ Body = "", ReceiptHandle = "", Attributes }) => ({
      body: Body,
      handle: ReceiptHandle,
      sentAtMs: Number(Attributes?.SentTimestamp),
      receiveCount: Number(Attributes?.ApproximateReceiveCount),
    }));
  }

  async extend(deliveries: readonly Delivery[], forMs = this.visibilityMs): Promise<void> {
    for (let start = 0; start < deliveries.length; start += BATCH_SIZE) {
      const { Failed = [] } = await this.queues.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: this.options.queueUrl,
          Entries: deliveries.slice(start, start + BATCH_SIZE).map(({ handle }, index) => ({
            Id: String(index),
            ReceiptHandle: handle,
            VisibilityTimeout: forMs / 1000,
          })),
        }),
      );
      if (Failed.length > 0)
        throw new Error(`SQS will hand out ${Failed.length} messages again: ${Failed[0]?.Message}`);
    }
  }

  acknowledge(delivery: Delivery): Promise<void> {
    return this.deletions.add(delivery);
  }

  async reject(delivery: Delivery, reason: string): Promise<void> {
    await this.queues.send(
      new SendMessageCommand({
        QueueUrl: this.options.deadLetterQueueUrl,
        MessageBody: delivery.body,
        MessageAttributes: { reason: { DataType: "String", StringValue: reason } },
      }),
    );
    await this.delete([delivery]);
  }

  async close(): Promise<void> {
    this.topics.destroy();
    await this.deletions.flush();
    this.queues.destroy();
  }

  /** A batch call answers 200 even where some of its entries failed: those are tried once more, then reported. */
  private async delete(deliveries: readonly Delivery[], lastTry = false): Promise<void> {
    const { Failed = [] } = await this.queues.send(
      new DeleteMessageBatchCommand({
        QueueUrl: this.options.queueUrl,
        Entries: deliveries.map(({ handle }, index) => ({ Id: String(index), ReceiptHandle: handle })),
      }),
    );
    const failed = new Set(
      Failed.filter(({ SenderFault }) => SenderFault !== true || lastTry).map(({ Id }) => Number(Id)),
    );
    if (failed.size === 0) {
      return;
    }
    if (lastTry) {
      throw new Error(`SQS kept ${failed.size} acknowledged messages (${Failed[0]?.Message}): they will come again`);
    }
    await this.delete(
      deliveries.filter((_, index) => failed.has(index)),
      true,
    );
  }
}
