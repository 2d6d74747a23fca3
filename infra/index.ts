// The program that `pulumi up` runs. Whatever it exports is an output of the stack.
import * as pulumi from "@pulumi/pulumi";
import { readConfiguration } from "./configuration";
import { GlobalCache } from "./globalCache";

// Configuration
const configuration = readConfiguration(pulumi.runtime.allConfig(), pulumi.getProject());

// The cache
const cache = new GlobalCache("fly", configuration);

// What applications need, by region
export const regions = Object.fromEntries(
  cache.regionalCaches.map(({ region, environment, typedEnvironment, network, monitoring }) => [
    region,
    {
      cacheUrl: environment.url,
      cacheUrlSecretArn: environment.secretArn,
      ...(typedEnvironment && {
        typedCacheUrl: typedEnvironment.url,
        typedCacheUrlSecretArn: typedEnvironment.secretArn,
      }),
      vpcId: network.vpcId,
      subnetIds: network.subnetIds,
      clientSecurityGroupId: network.securityGroups.client.id,
      alarmTopicArn: monitoring.topic.arn,
    },
  ]),
);

// What operators need, by region
export const buses = Object.fromEntries(
  cache.regionalCaches.map(({ region, topic, queue, deadLetterQueue }) => [
    region,
    { topicArn: topic.arn, queueUrl: queue.url, deadLetterQueueUrl: deadLetterQueue.url },
  ]),
);
