// The bus of a fabric, made with the SDK as the infrastructure makes it in the cloud: per region a topic, a queue and its
// dead-letter queue, and a raw subscription for every ordered pair of regions, the own region's included.
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";

/** Where a region's shims publish and receive. */
export interface BusAddresses {
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
}

/** What the emulator takes for credentials. */
export const credentials = { accessKeyId: "local", secretAccessKey: "local" } as const;

const RETENTION_SECONDS = 14 * 24 * 60 * 60;
// A receive count rises while a cluster is down: only a message that never works should end as a dead letter.
const MAX_RECEIVES = 1000;

/** Makes the bus of these regions; the result is keyed by region. */
export async function createBus(endpoint: string, regions: readonly string[]): Promise<Map<string, BusAddresses>> {
  const parts = await Promise.all(regions.map((region) => createRegion(endpoint, region)));
  await Promise.all(
    parts.flatMap(({ region, topicArn }) => {
      const sns = new SNSClient({ endpoint, region, credentials });
      return parts.map(({ queueArn }) =>
        sns.send(
          new SubscribeCommand({
            TopicArn: topicArn,
            Protocol: "sqs",
            Endpoint: queueArn,
            Attributes: { RawMessageDelivery: "true" },
          }),
        ),
      );
    }),
  );
  return new Map(parts.map(({ region, queueArn: _, ...addresses }) => [region, addresses]));
}

async function createRegion(endpoint: string, region: string) {
  const sns = new SNSClient({ endpoint, region, credentials });
  const sqs = new SQSClient({ endpoint, region, credentials });
  const name = `redis-on-fly-${region}`;
  const dead = await createQueue(sqs, `${name}-dead`, {});
  const queue = await createQueue(sqs, name, {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: MAX_RECEIVES }),
  });
  const { TopicArn: topicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
  if (!topicArn) throw new Error("CreateTopic answered without an ARN");
  return { region, topicArn, queueUrl: queue.url, queueArn: queue.arn, deadLetterQueueUrl: dead.url };
}

async function createQueue(sqs: SQSClient, name: string, attributes: Readonly<Record<string, string>>) {
  const { QueueUrl: url } = await sqs.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: { MessageRetentionPeriod: String(RETENTION_SECONDS), ...attributes },
    }),
  );
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  const arn = Attributes?.QueueArn;
  if (!url || !arn) throw new Error("CreateQueue answered without a URL or ARN");
  return { url, arn };
}
