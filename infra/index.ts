// The program that `pulumi up` runs. Whatever it exports is an output of the stack.
import * as pulumi from "@pulumi/pulumi";
import type { ApplicationEnvironment } from "./applicationEnvironment";
import { mainUser } from "./cacheOptions";
import { readConfiguration } from "./configuration";
import { GlobalCache } from "./globalCache";

// Configuration
const configuration = readConfiguration(pulumi.runtime.allConfig(), pulumi.getProject());

// The cache
const cache = new GlobalCache("fly", configuration);

// What applications need, by region
export const regions = Object.fromEntries(
  cache.regionalCaches.map(({ region, environments, typedEnvironments, network, monitoring }) => [
    region,
    {
      ...urlsOf(environments[mainUser], typedEnvironments?.[mainUser]),
      users: Object.fromEntries(
        configuration.users.map(({ name }) => [name, urlsOf(environments[name], typedEnvironments?.[name])]),
      ),
      vpcId: network.vpcId,
      subnetIds: network.subnetIds,
      clientSecurityGroupId: network.securityGroups.client.id,
      alarmTopicArn: monitoring.topic.arn,
    },
  ]),
);

function urlsOf(plain: ApplicationEnvironment | undefined, typed: ApplicationEnvironment | undefined) {
  return {
    cacheUrl: plain?.url,
    cacheUrlSecretArn: plain?.secretArn,
    ...(typed && { typedCacheUrl: typed.url, typedCacheUrlSecretArn: typed.secretArn }),
  };
}

// What operators need, by region
export const buses = Object.fromEntries(
  cache.regionalCaches.map(({ region, topic, queue, deadLetterQueue }) => [
    region,
    {
      topicArn: topic.arn,
      queueUrl: queue.url,
      queueArn: queue.arn,
      deadLetterQueueUrl: deadLetterQueue.url,
      deadLetterQueueArn: deadLetterQueue.arn,
    },
  ]),
);
