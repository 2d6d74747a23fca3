// A region's alarms. Each goes to the region's own topic (CloudWatch notifies no other region's), both when it starts and
// when it ends; docs/operations.md says what each means and what to do.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { CacheCluster } from "./cacheCluster";
import type { CacheOptions } from "./cacheOptions";
import type { Region } from "./regions";
import type { BusEnd } from "./replicationMesh";
import type { Door, ShimBalancer } from "./shimBalancer";

export interface CacheMonitoringArgs {
  readonly region: Region;
  readonly cluster: CacheCluster;
  readonly balancer: ShimBalancer;
  readonly bus: BusEnd;
  readonly options: Pick<CacheOptions, "alarmEmails">;
}

interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
}

interface Condition {
  readonly description: string;
  readonly statistic: "Sum" | "Maximum" | "Minimum" | "Average";
  readonly above?: number;
  readonly below?: number;
  /** Minutes in a row. */
  readonly minutes: number;
  /** What silence of the metric means; most are silent while nothing happens. */
  readonly silence?: "breaching" | "notBreaching";
}

/** The alarms, and the topic that they go to. */
export class CacheMonitoring extends pulumi.ComponentResource {
  /** Subscribe to it what wakes people. */
  readonly topic: aws.sns.Topic;

  constructor(name: string, args: CacheMonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:CacheMonitoring", name, {}, opts);
    const { region, cluster, balancer, bus, options } = args;
    const parent = { parent: this };

    this.topic = new aws.sns.Topic(`${name}-alarms`, { region }, parent);
    for (const endpoint of options.alarmEmails) {
      new aws.sns.TopicSubscription(
        `${name}-to-${endpoint}`,
        { region, topic: this.topic.arn, protocol: "email", endpoint },
        parent,
      );
    }

    const alarm = (role: string, metrics: readonly [Metric, ...Metric[]], condition: Condition) => {
      const { above, below, minutes, statistic, silence = "notBreaching" } = condition;
      return new aws.cloudwatch.MetricAlarm(
        `${name}-${role}`,
        {
          region,
          alarmDescription: `Redis on Fly, ${region}: ${condition.description}`,
          comparisonOperator: above === undefined ? "LessThanThreshold" : "GreaterThanThreshold",
          threshold: above ?? below ?? 0,
          evaluationPeriods: minutes,
          treatMissingData: silence,
          alarmActions: [this.topic.arn],
          okActions: [this.topic.arn],
          ...observed(metrics, statistic),
        },
        parent,
      );
    };

    // The bus
    const queueMetric = (queue: aws.sqs.Queue, metricName: string): Metric => ({
      namespace: "AWS/SQS",
      metricName,
      dimensions: { QueueName: queue.name },
    });
    alarm("replication-late", [queueMetric(bus.queue, "ApproximateAgeOfOldestMessage")], {
      description: "what other regions wrote has been waiting for more than a minute.",
      statistic: "Maximum",
      above: 60,
      minutes: 3,
    });
    alarm("dead-letters", [queueMetric(bus.deadLetterQueue, "ApproximateNumberOfMessagesVisible")], {
      description: "envelopes could not be delivered, opened or applied.",
      statistic: "Maximum",
      above: 0,
      minutes: 1,
    });
    alarm(
      "deliveries-failed",
      [
        {
          namespace: "AWS/SNS",
          metricName: "NumberOfNotificationsFailed",
          dimensions: { TopicName: bus.topic.name },
        },
      ],
      { description: "SNS could not deliver to a region's queue.", statistic: "Sum", above: 0, minutes: 1 },
    );

    // The cluster: any of its nodes, since which one is the primary changes.
    const nodeMetrics = (metricName: string) => {
      const [first, ...others] = cluster.nodeIds.map((id) => ({
        namespace: "AWS/ElastiCache",
        metricName,
        dimensions: { CacheClusterId: id },
      }));
      return [first, ...others] as [Metric, ...Metric[]];
    };
    alarm("evictions", nodeMetrics("Evictions"), {
      description: "the cluster evicts more than 1,000 keys a minute: it is too small for what it holds.",
      statistic: "Sum",
      above: 1000,
      minutes: 15,
    });
    alarm("memory", nodeMetrics("DatabaseMemoryUsagePercentage"), {
      description: "the cluster is full; records of replays are evicted with everything else.",
      statistic: "Maximum",
      above: 90,
      minutes: 15,
    });
    alarm("processor", nodeMetrics("EngineCPUUtilization"), {
      description: "the cluster's one thread is busy.",
      statistic: "Average",
      above: 80,
      minutes: 5,
    });

    // The shims
    const [door, ...otherDoors] = balancer.doors;
    const targetMetric =
      (metricName: string) =>
      ({ targetGroup }: Door): Metric => ({
        namespace: "AWS/NetworkELB",
        metricName,
        dimensions: { LoadBalancer: balancer.loadBalancer.arnSuffix, TargetGroup: targetGroup.arnSuffix },
      });
    const unhealthy = targetMetric("UnHealthyHostCount");
    alarm("shims-unhealthy", [unhealthy(door), ...otherDoors.map(unhealthy)], {
      description: "a shim fails its health check: it cannot reach the cluster's primary, or hangs.",
      statistic: "Maximum",
      above: 0,
      minutes: 5,
    });
    alarm("no-shims", [targetMetric("HealthyHostCount")(door)], {
      description: "no shim answers: applications have no cache here.",
      statistic: "Maximum",
      below: 1,
      minutes: 2,
      silence: "breaching",
    });

    this.registerOutputs({ topicArn: this.topic.arn });
  }
}

/** What an alarm looks at, each minute: one metric, or the highest of several. */
function observed([metric, ...others]: readonly [Metric, ...Metric[]], stat: string) {
  if (others.length === 0) return { ...metric, statistic: stat, period: 60 };
  const queries = [metric, ...others].map((each, index) => ({
    id: `m${index}`,
    metric: { ...each, stat, period: 60 },
  }));
  return {
    metricQueries: [
      { id: "highest", expression: "MAX(METRICS())", label: metric.metricName, returnData: true },
      ...queries,
    ],
  };
}
