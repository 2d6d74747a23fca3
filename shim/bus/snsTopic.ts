// The region's own SNS topic, which feeds the queues of all regions with raw delivery.

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
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

/** {@link Topic} on SNS. */
export class SnsTopic implements Topic {
  private readonly topicArn: string;
  private readonly client: SNSClient;

  /** @throws RangeError where the topic's ARN names no region. */
  constructor({ topicArn, endpoint, onRequest }: SnsTopicOptions) {
    this.topicArn = topicArn;
    this.client = new SNSClient(clientOptions({ region: regionOf(topicArn), endpoint }));
    this.client.middlewareStack.add(...counting(onRequest));
  }

  async publish(body: string): Promise<void> {
    await this.client.send(new PublishCommand({ TopicArn: this.topicArn, Message: body }));
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
