// Rules for CloudWatch: logs end some day, alarms reach somebody, and what can go wrong unseen has an alarm.
import * as aws from "@pulumi/aws";
import {
  type PolicyResource,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { demanding, holdsForAny, judgeEach } from "./judgement";
import { isDeadLetterQueue, ofType, refersTo } from "./references";

const { LogGroup, MetricAlarm } = aws.cloudwatch;

/** Logs are kept for ever unless told otherwise. */
export const cloudwatchLogRetention: ResourceValidationPolicy = {
  name: "cloudwatch-log-retention",
  description: "Prevents logs from piling up for ever, with their cost and with whatever of users' data got into them.",
  severity: "low",
  remediationSteps: "Set retentionInDays.",
  configSchema: {
    properties: {
      days: { type: "integer", minimum: 1, description: "Most days that logs may be kept.", default: 365 },
    },
  },
  ...demanding<{ retentionInDays?: number }>([LogGroup], (group, { name, getConfig }, report) => {
    const { days } = getConfig<{ days: number }>();
    // Zero is for ever.
    const retentionInDays = group.retentionInDays || Number.POSITIVE_INFINITY;
    if (retentionInDays <= days) return undefined;
    const kept = Number.isFinite(retentionInDays) ? `${retentionInDays} days` : "ever";
    report(`${name} keeps logs for ${kept}. Set retentionInDays to ${days} or less.`);
    group.retentionInDays = days;
    return group;
  }),
};

/** An alarm without an action rings in an empty room. */
export const cloudwatchAlarmActions: ResourceValidationPolicy = {
  name: "cloudwatch-alarm-actions",
  description: "Prevents an outage that was seen from being told to nobody.",
  severity: "medium",
  remediationSteps:
    "Give the alarm an action, such as a topic that somebody is subscribed to, and leave actions enabled.",
  validateResource: validateResourceOfType(
    MetricAlarm,
    ({ actionsEnabled = true, alarmActions = [] }, { name }, report) => {
      if (!actionsEnabled || alarmActions.length === 0) report(`${name} tells nobody. Give it alarmActions.`);
    },
  ),
};

/** Figures that rise before users notice, and the resources that AWS measures them of. */
const warnings: Readonly<Record<string, (resources: readonly PolicyResource[]) => readonly PolicyResource[]>> = {
  ApproximateAgeOfOldestMessage: (resources) =>
    ofType(resources, aws.sqs.Queue).filter((queue) => !isDeadLetterQueue(queue, resources)),
  ApproximateNumberOfMessagesVisible: (resources) =>
    ofType(resources, aws.sqs.Queue).filter((queue) => isDeadLetterQueue(queue, resources)),
  NumberOfNotificationsFailed: (resources) => {
    const subscriptions = ofType(resources, aws.sns.TopicSubscription).filter(({ props }) => props.protocol === "sqs");
    return ofType(resources, aws.sns.Topic).filter((topic) =>
      holdsForAny(subscriptions, (subscription) => refersTo(subscription, "topic", topic)),
    );
  },
  DatabaseMemoryUsagePercentage: (resources) => ofType(resources, aws.elasticache.ReplicationGroup),
  EngineCPUUtilization: (resources) => ofType(resources, aws.elasticache.ReplicationGroup),
  Evictions: (resources) => ofType(resources, aws.elasticache.ReplicationGroup),
  UnHealthyHostCount: (resources) => ofType(resources, aws.lb.TargetGroup, aws.alb.TargetGroup),
};

/** What goes wrong silently needs somebody to watch it. */
export const cloudwatchAlarms: StackValidationPolicy = {
  name: "cloudwatch-alarms",
  description:
    "Prevents a region from falling hours behind, dropping what it receives, or evicting what it was just given, before " +
    "anybody knows of it.",
  severity: "high",
  remediationSteps: "Make an alarm on the metric, with the resource in its dimensions.",
  configSchema: {
    properties: {
      metrics: {
        type: "array",
        items: { type: "string", enum: Object.keys(warnings) },
        description: "Metrics that every queue, topic, cluster and target group that has them must have an alarm on.",
        default: Object.keys(warnings),
      },
    },
  },
  validateStack: ({ resources, getConfig }, report) => {
    const alarms = ofType(resources, MetricAlarm);
    judgeEach(getConfig<{ metrics: readonly string[] }>().metrics, (metric) => {
      judgeEach(warnings[metric]?.(resources) ?? [], (resource) => {
        if (holdsForAny(alarms, (alarm) => watches(alarm, metric, resource))) return;
        report(`${resource.name} has no alarm on ${metric}. Make one.`, resource.urn);
      });
    });
  },
};

function watches(alarm: PolicyResource, metric: string, resource: PolicyResource): boolean {
  const { metricName, metricQueries = [] } = alarm.asType(MetricAlarm) ?? {};
  if (metricName === metric) return refersTo(alarm, "dimensions", resource);
  const isQueried = metricQueries.some((query) => query.metric?.metricName === metric);
  return isQueried && refersTo(alarm, "metricQueries", resource);
}
