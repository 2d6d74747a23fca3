// Cases of the rules for logs and alarms.
import { elsewhere, samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { alarm, goodStack, topic } from "./goodStack";

const logGroup = samplesOf("aws:cloudwatch/logGroup:LogGroup", "logs", { region: "eu-west-1", retentionInDays: 30 });

const forEver = "logs keeps logs for ever. Set retentionInDays to 365 or less.";
const tellsNobody = "alarm tells nobody. Give it alarmActions.";

export const cloudwatchCases: Readonly<Record<string, Cases>> = {
  "cloudwatch-log-retention": {
    configured: [[{ days: 731 }, logGroup({ retentionInDays: 731 })]],
    right: [logGroup(), logGroup({ retentionInDays: 365 })],
    wrong: [
      ["logs keeps logs for 731 days. Set retentionInDays to 365 or less.", logGroup({ retentionInDays: 731 })],
      [forEver, logGroup({ retentionInDays: 0 })],
    ],
    absent: [forEver, logGroup({ retentionInDays: undefined })],
    notApplicable: { type: "aws:cloudwatch/logStream:LogStream", name: "stream", inputs: { name: "stream" } },
    unknown: logGroup({ retentionInDays: unknown }),
  },
  "cloudwatch-alarm-actions": {
    right: [alarm(), alarm({ alarmActions: [unknown] })],
    wrong: [
      [tellsNobody, alarm({ alarmActions: [] })],
      [tellsNobody, alarm({ actionsEnabled: false })],
    ],
    absent: [tellsNobody, alarm({ alarmActions: undefined })],
    notApplicable: { type: "aws:cloudwatch/dashboard:Dashboard", name: "dashboard", inputs: { alarmActions: [] } },
    unknown: alarm({ alarmActions: unknown }),
  },
  "cloudwatch-alarms": {
    configured: [[{ metrics: ["Evictions"] }, goodStack(["EngineCPUUtilization-cache-eu-west-1"])]],
    right: [goodStack()],
    wrong: [
      ["ApproximateAgeOfOldestMessage", "queue-eu-west-1"],
      ["ApproximateNumberOfMessagesVisible", "dead-letters-eu-west-1"],
      ["NumberOfNotificationsFailed", "topic-us-east-1"],
      ["DatabaseMemoryUsagePercentage", "cache-us-east-1"],
      ["EngineCPUUtilization", "cache-us-east-1"],
      ["Evictions", "cache-eu-west-1"],
      ["UnHealthyHostCount", "targets-eu-west-1"],
    ].map(([metric, name]) => [`${name} has no alarm on ${metric}. Make one.`, goodStack([`${metric}-${name}`])]),
    absent: [
      "cache-eu-west-1 has no alarm on Evictions. Make one.",
      goodStack([], [alarm({ metricName: "Evictions" }, "Evictions-cache-eu-west-1")]),
    ],
    notApplicable: [topic()],
    unknown: goodStack(
      [],
      [alarm({ metricName: "Evictions", dimensions: { CacheClusterId: elsewhere } }, "Evictions-cache-eu-west-1")],
    ),
  },
};
