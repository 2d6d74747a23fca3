// The region's own SQS queue, which the topics of all regions feed. It calls no other region.

import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { Batches } from "./batches";
import type { Delivery, Queue } from "./bus";
import { clientOptions, counting, type OnRequest, type ServiceOptions } from "./sdk";

/** Which queue. */
export interface SqsQueueOptions extends ServiceOptions {
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly onRequest: OnRequest;
}

const LONG_POLL_SECONDS = 20;
/** SQS hands out, keeps and deletes at most this many messages a call. */
const BATCH_SIZE = 10;
/** Of messages: more in one receive would hold up everything else while they are taken apart. Costs go by size, too. */
const RECEIVE_CHARACTERS = 256 * 1024;
const VISIBILITY_SECONDS = 30;
/** What is deleted that much later costs a tenth, and comes again if the shim dies in between. */
const DELETE_LINGER_MS = 1_000;

/** {@link Queue} on SQS. */
export class SqsQueue implements Queue {
  readonly visibilityMs = VISIBILITY_SECONDS * 1000;
  private readonly options: SqsQueueOptions;
  private readonly client: SQSClient;
  /** So many messages of the size that came last are enough at a time. */
  private enough = BATCH_SIZE;
  private readonly deletions = new Batches<Delivery>({
    size: BATCH_SIZE,
    lingerMs: DELETE_LINGER_MS,
    send: (deliveries) => this.delete(deliveries),
  });

  constructor(options: SqsQueueOptions) {
    this.options = options;
    this.client = new SQSClient({
      ...clientOptions(options, LONG_POLL_SECONDS * 1000),
      // With the queue's URL as endpoint, an endpoint of the caller's would be passed over.
      useQueueUrlAsEndpoint: false,
      // Who opens an envelope knows whether it came as it was sealed.
      md5: false,
    });
    this.client.middlewareStack.add(...counting(options.onRequest));
  }

  get batchSize(): number {
    return this.enough;
  }

  async receive(signal: AbortSignal): Promise<readonly Delivery[]> {
    const { Messages = [] } = await this.client.send(
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
    const failures: string[] = [];
    for (let start = 0; start < deliveries.length; start += BATCH_SIZE) {
      const batch = deliveries.slice(start, start + BATCH_SIZE);
      try {
        const { Failed = [] } = await this.client.send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl: this.options.queueUrl,
            Entries: batch.map(({ handle }, index) => ({
              Id: String(index),
              ReceiptHandle: handle,
              VisibilityTimeout: forMs / 1000,
            })),
          }),
        );
        failures.push(...Failed.map(({ Message }) => String(Message)));
      } catch (error) {
        failures.push(...batch.map(() => String(error)));
      }
    }
    if (failures.length > 0) throw new Error(`SQS will hand out ${failures.length} messages again: ${failures[0]}`);
  }

  acknowledge(delivery: Delivery): Promise<void> {
    return this.deletions.add(delivery);
  }

  async reject(delivery: Delivery, reason: string): Promise<void> {
    await this.client.send(
      new SendMessageCommand({
        QueueUrl: this.options.deadLetterQueueUrl,
        MessageBody: delivery.body,
        MessageAttributes: { reason: { DataType: "String", StringValue: reason } },
      }),
    );
    await this.delete([delivery]);
  }

  async close(): Promise<void> {
    await this.deletions.flush();
    this.client.destroy();
  }

  /** A batch call answers 200 even where some of its entries failed: those are tried once more, then reported. */
  private async delete(deliveries: readonly Delivery[], lastTry = false): Promise<void> {
    const { Failed = [] } = await this.client.send(
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
