// The body of the one dashboard: a row a question, a line a region, so that regions can be compared at a glance.
import * as pulumi from "@pulumi/pulumi";
import type { RegionalCache } from "./regionalCache";

/** The dashboard's body, in CloudWatch's own format. */
export function dashboardBody(regionalCaches: readonly RegionalCache[]): pulumi.Output<string> {
  type Metric = readonly [namespace: string, metric: string, ...dimensions: pulumi.Input<string>[]];
  type Line = (cache: RegionalCache) => readonly Metric[];
  const queue =
    (role: "queue" | "deadLetterQueue", metric: string): Line =>
    (cache) => [["AWS/SQS", metric, "QueueName", cache[role].name]];
  const balancer =
    (metric: string): Line =>
    ({ balancer: { loadBalancer } }) => [["AWS/NetworkELB", metric, "LoadBalancer", loadBalancer.arnSuffix]];
  // All nodes, since which one is the primary changes.
  const nodes =
    (metric: string): Line =>
    ({ cluster }) =>
      cluster.nodeIds.map((id) => ["AWS/ElastiCache", metric, "CacheClusterId", id]);
  const service =
    (metric: string): Line =>
    ({ shims: { cluster, service } }) => [
      ["AWS/ECS", metric, "ClusterName", cluster.name, "ServiceName", service.name],
    ];

  /** What a region's line is drawn of: one metric, or the highest of several, which are not shown themselves. */
  const drawn = (metrics: readonly Metric[], region: string, prefix: string): readonly (readonly unknown[])[] => {
    const shown = { region, label: region };
    if (metrics.length === 1) return metrics.map((metric) => [...metric, shown]);
    const ids = metrics.map((_, index) => `${prefix}${index}`);
    return [
      [{ ...shown, expression: `MAX([${ids.join(", ")}])` }],
      ...metrics.map((metric, index) => [...metric, { region, id: ids[index], visible: false }]),
    ];
  };

  const home = regionalCaches[0]?.region ?? "";
  const widget = (title: string, stat: string, line: Line) => ({
    type: "metric",
    width: 8,
    height: 6,
    properties: {
      title,
      stat,
      period: 60,
      view: "timeSeries",
      region: home,
      metrics: regionalCaches.flatMap((cache, index) => drawn(line(cache), cache.region, `region${index}node`)),
    },
  });
  return pulumi.jsonStringify({
    widgets: [
      widget("Replication: age of the oldest message (s)", "Maximum", queue("queue", "ApproximateAgeOfOldestMessage")),
      widget("Replication: messages received", "Sum", queue("queue", "NumberOfMessagesReceived")),
      widget("Dead letters", "Maximum", queue("deadLetterQueue", "ApproximateNumberOfMessagesVisible")),
      widget("Client connections", "Average", balancer("ActiveFlowCount")),
      widget("Bytes", "Sum", balancer("ProcessedBytes")),
      widget("Shims: processor (%)", "Average", service("CPUUtilization")),
      widget("Cluster: processor (%)", "Average", nodes("EngineCPUUtilization")),
      widget("Cluster: memory (%)", "Maximum", nodes("DatabaseMemoryUsagePercentage")),
      widget("Cluster: evictions", "Sum", nodes("Evictions")),
    ],
  });
}
