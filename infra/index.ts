// The program that `pulumi up` runs. Whatever it exports is an output of the stack.
import * as pulumi from "@pulumi/pulumi";
import { readConfiguration } from "./configuration";
import { GlobalCache } from "./globalCache";

// Configuration
const configuration = readConfiguration(new pulumi.Config());

// The name is short because ElastiCache allows 40 characters, Pulumi's random ones included.
const cache = new GlobalCache("fly", configuration);

// Outputs, by region
export const regions = Object.fromEntries(
  cache.regionalCaches.map(({ region, network, cluster, topic, queue, deadLetterQueue, shimEnvironment }) => [
    region,
    {
      clusterUrl: cluster.url,
      topicArn: topic.arn,
      queueUrl: queue.url,
      deadLetterQueueUrl: deadLetterQueue.url,
      shimSecurityGroupId: network.shimSecurityGroup.id,
      shimEnvironment,
    },
  ]),
);
