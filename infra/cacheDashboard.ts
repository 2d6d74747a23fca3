// The body of the one dashboard: a row a question, a line a region, so that regions can be compared at a glance.
import * as pulumi from "@pulumi/pulumi";
import type { RegionalCache } from "./regionalCache";

/** The dashboard's body, in CloudWatch's own format. */
export function dashboardBody(regionalCaches: readonly RegionalCache[]): pulumi.Output<string> {
  type Line = (
    cache: RegionalCache,
  ) => readonly [namespace: string, metric: string, ...dimensions: pulumi.Input<string>[]];
  const queue =
    (role: "queue" | "deadLetterQueue", metric: string): Line =>
    (cache) => ["AWS/SQS", metric, "QueueName", cache[role].name];
  const balancer =
    (metric: string): Line =>
    ({ balancer: { loadBalancer } }) => ["AWS/NetworkELB", metric, "LoadBalancer", loadBalancer.arnSuffix];
  const primary =
    (metric: string): Line =>
    ({ cluster }) => ["AWS/ElastiCache", metric, "CacheClusterId", cluster.nodeIds[0] ?? ""];
  const service =
    (metric: string): Line =>
    ({ shims: { cluster, service } }) => ["AWS/ECS", metric, "ClusterName", cluster.name, "ServiceName", service.name];

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
      metrics: regionalCaches.map((cache) => [...line(cache), { region: cache.region, label: cache.region }]),
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
      widget("Cluster: processor (%)", "Average", primary("EngineCPUUtilization")),
      widget("Cluster: memory (%)", "Maximum", primary("DatabaseMemoryUsagePercentage")),
      widget("Cluster: evictions", "Sum", primary("Evictions")),
    ],
  });
}
