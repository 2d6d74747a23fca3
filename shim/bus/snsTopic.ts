// The region's own SNS topic, which feeds the queues of all regions with raw delivery.

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { BufferPool } from "../buffers";
import type { Topic } from "./bus";
import { clientOptions, counting, type OnRequest } from "./sdk";

/** Which topic. */
export interface SnsTopicOptions {
  /** Also tells the region. */
  readonly topicArn: string;
  /** URL of an emulator; AWS's own endpoint otherwise. */
  readonly endpoint?: string | undefined;
  readonly onRequest: OnRequest;
}

/** @throws RangeError where the topic's ARN names no region. */
export function regionOf(topicArn: string): string {
  const region = topicArn.split(":")[3];
  if (region) return region;
  throw new RangeError(`"${topicArn}" names no region: give a topic's ARN, arn:aws:sns:<region>:<account>:<name>`);
}

/** Stands for the message while the SDK serialises the rest: no name of a topic has it, and it is no other when encoded. */
const PLACEHOLDER = "~";
/** As many large requests are under way. */
const KEPT_BUFFERS = 4;

/**
 * {@link Topic} on SNS. The SDK would form-encode an envelope, join it, encode it for the signature, and again to send it:
 * a megabyte of garbage for one of 256 KB, of which none needs encoding. So it gets its place in the request's bytes once
 * all else is serialised. The SDK's `cacheMiddleware` has to stay off: it would keep the first envelope for all.
 */
export class SnsTopic implements Topic {
  private readonly topicArn: string;
  private readonly client: SNSClient;
  private readonly buffers = new BufferPool(KEPT_BUFFERS);

  /** @throws RangeError where the topic's ARN names no region. */
  constructor({ topicArn, endpoint, onRequest }: SnsTopicOptions) {
    this.topicArn = topicArn;
    this.client = new SNSClient(clientOptions({ region: regionOf(topicArn), endpoint }));
    this.client.middlewareStack.add(...counting(onRequest));
  }

  async publish(body: string): Promise<void> {
    const command = new PublishCommand({ TopicArn: this.topicArn, Message: PLACEHOLDER });
    let used: Buffer | undefined;
    command.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: unknown };
        const [head, tail, more] = String(request.body).split(PLACEHOLDER);
        if (head === undefined || tail === undefined || more !== undefined)
          throw new TypeError(`"${request.body}" is no request that the SDK would make of a placeholder`);
        const buffer = this.buffers.take(head.length + body.length + tail.length);
        const end = [head, body, tail].reduce((at, part) => at + buffer.write(part, at, "latin1"), 0);
        request.body = buffer.subarray(0, end);
        used = buffer;
        return next(args);
      },
      { step: "serialize", priority: "low" },
    );
    await this.client.send(command);
    // The service has all of it. After an error some may still be on its way.
    if (used) this.buffers.give(used);
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
