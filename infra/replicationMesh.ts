// Joins the regions: every topic feeds every queue, the own region's included, and no other topic may feed any. SNS drops
// what it may not deliver without a word, so each subscription keeps that in a dead-letter queue.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Region } from "./regions";

/** One region's end of the bus. */
export interface BusEnd {
  readonly region: Region;
  readonly topic: aws.sns.Topic;
  readonly queue: aws.sqs.Queue;
  readonly deadLetterQueue: aws.sqs.Queue;
}

export interface ReplicationMeshArgs {
  /** One end a region, of one account. */
  readonly ends: readonly BusEnd[];
}

/** Subscriptions for every ordered pair of regions, and the queue policies that let them deliver. */
export class ReplicationMesh extends pulumi.ComponentResource {
  constructor(name: string, args: ReplicationMeshArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:ReplicationMesh", name, {}, opts);
    const parent = { parent: this };
    // In one order, whatever the order of configuration, so that policies do not change without need.
    const ends = args.ends.toSorted((one, other) => one.region.localeCompare(other.region));
    const topics = ends.map(({ topic }) => topic);

    const admit = (role: string, region: Region, queue: aws.sqs.Queue, senders: readonly aws.sns.Topic[]) =>
      new aws.sqs.QueuePolicy(
        `${name}-${region}-${role}`,
        { region, queueUrl: queue.url, policy: sendPolicy(queue, senders) },
        parent,
      );
    const receivers = ends.map((end) => ({ ...end, policy: admit("queue", end.region, end.queue, topics) }));

    for (const { region, topic, deadLetterQueue } of ends) {
      // A subscription's dead-letter queue must be in the topic's region, not in the receiver's:
      // https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
      const deadLetterPolicy = admit("dead-letters", region, deadLetterQueue, [topic]);
      for (const receiver of receivers) {
        new aws.sns.TopicSubscription(
          `${name}-${region}-to-${receiver.region}`,
          {
            region,
            topic: topic.arn,
            protocol: "sqs",
            endpoint: receiver.queue.arn,
            rawMessageDelivery: true,
            redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: deadLetterQueue.arn }),
          },
          { ...parent, dependsOn: [receiver.policy, deadLetterPolicy] },
        );
      }
    }

    this.registerOutputs({});
  }
}

function sendPolicy(queue: aws.sqs.Queue, senders: readonly aws.sns.Topic[]): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "sns.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: queue.arn,
        Condition: { ArnEquals: { "aws:SourceArn": senders.map(({ arn }) => arn) } },
      },
    ],
  });
}
