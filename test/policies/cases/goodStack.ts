// A stack of two regions that no rule has anything against, for rules of whole stacks: each of their cases changes one
// thing in it.
import { json, output, type Sample, samplesOf } from "../../support/policies/sample";
import { replicationGroup } from "./elasticache";

const digest = "0".repeat(64);

export const queue = samplesOf("aws:sqs/queue:Queue", "queue", {
  region: "eu-west-1",
  messageRetentionSeconds: 1_209_600,
  sqsManagedSseEnabled: true,
});

export const queuePolicy = samplesOf("aws:sqs/queuePolicy:QueuePolicy", "admission", { region: "eu-west-1" });

export const topic = samplesOf("aws:sns/topic:Topic", "topic", { region: "eu-west-1" });

export const subscription = samplesOf("aws:sns/topicSubscription:TopicSubscription", "subscription", {
  region: "eu-west-1",
  protocol: "sqs",
  topic: "arn:aws:sns:eu-west-1:111122223333:topic",
  endpoint: "arn:aws:sqs:eu-west-1:111122223333:queue",
  rawMessageDelivery: true,
  redrivePolicy: json({ deadLetterTargetArn: "arn:aws:sqs:eu-west-1:111122223333:dead-letters" }),
});

export const alarm = samplesOf("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", {
  region: "eu-west-1",
  metricName: "CPUUtilization",
  alarmActions: ["arn:aws:sns:eu-west-1:111122223333:on-call"],
});

export const service = samplesOf("aws:ecs/service:Service", "shims", {
  region: "eu-west-1",
  desiredCount: 2,
  networkConfiguration: { subnets: ["subnet-a", "subnet-b"] },
  deploymentCircuitBreaker: { enable: true, rollback: true },
});

export const taskDefinition = samplesOf("aws:ecs/taskDefinition:TaskDefinition", "task", {
  region: "eu-west-1",
  family: "shim",
  cpu: "1024",
  memory: "2048",
  runtimePlatform: { cpuArchitecture: "ARM64" },
});

/** One container of a task definition. */
export const container = {
  name: "shim",
  image: `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shim@sha256:${digest}`,
  readonlyRootFilesystem: true,
  environment: [{ name: "FLY_REDIS_REGION", value: "eu-west-1" }],
  secrets: [{ name: "FLY_REDIS_PASSWORD", valueFrom: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:password" }],
  logConfiguration: { logDriver: "awslogs" },
};

/** What a queue's policy says to let these topics send. */
export function admission(to: Sample, topics: readonly Sample[], others: readonly string[] = []) {
  return json({
    Statement: {
      Effect: "Allow",
      Principal: { Service: "sns.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: output(to),
      Condition: { ArnEquals: { "aws:SourceArn": [...topics.map((one) => output(one)), ...others] } },
    },
  });
}

const regions = ["eu-west-1", "us-east-1"];

/** The stack, without some of its resources, and with others in the place of those of the same name. */
export function goodStack(without: readonly string[] = [], instead: readonly Sample[] = []): readonly Sample[] {
  const ends = regions.map((region) => ({
    region,
    topic: topic({ region }, `topic-${region}`),
    deadLetters: queue({ region }, `dead-letters-${region}`),
  }));
  const topics = ends.map((end) => end.topic);
  const all = ends.flatMap((end) => [
    end.topic,
    end.deadLetters,
    queuePolicy(
      { region: end.region, queueUrl: output(end.deadLetters, "url"), policy: admission(end.deadLetters, [end.topic]) },
      `dead-letters-admission-${end.region}`,
    ),
    ...receiver(end.region, end.deadLetters, ends),
    ...alarmsOn(end.region, end.deadLetters, "QueueName", ["ApproximateNumberOfMessagesVisible"]),
    ...alarmsOn(end.region, end.topic, "TopicName", ["NumberOfNotificationsFailed"]),
    ...tasks(end.region),
  ]);
  const names = new Set(instead.map(({ name }) => name));
  return [...all.filter(({ name }) => !without.includes(name) && !names.has(name)), ...instead];

  function receiver(region: string, deadLetters: Sample, senders: typeof ends): Sample[] {
    const redrivePolicy = json({ deadLetterTargetArn: output(deadLetters), maxReceiveCount: 1000 });
    const own = queue({ region, redrivePolicy }, `queue-${region}`);
    return [
      own,
      queuePolicy({ region, queueUrl: output(own, "url"), policy: admission(own, topics) }, `admission-${region}`),
      ...senders.map((sender) =>
        subscription(
          {
            region: sender.region,
            topic: output(sender.topic),
            endpoint: output(own),
            redrivePolicy: json({ deadLetterTargetArn: output(sender.deadLetters) }),
          },
          `${sender.region}-to-${region}`,
        ),
      ),
      ...alarmsOn(region, own, "QueueName", ["ApproximateAgeOfOldestMessage"]),
    ];
  }
}

function tasks(region: string): Sample[] {
  const group = replicationGroup({ region }, `cache-${region}`);
  const targets = { type: "aws:lb/targetGroup:TargetGroup", name: `targets-${region}`, inputs: { region } };
  const subnets = ["a", "b"].map((zone) => ({
    type: "aws:ec2/subnet:Subnet",
    name: `subnet-${region}${zone}`,
    inputs: { region, availabilityZone: `${region}${zone}` },
  }));
  const gateway = { type: "aws:ec2/internetGateway:InternetGateway", name: `gateway-${region}`, inputs: { region } };
  const outside = { ...subnets[0]!, name: `public-subnet-${region}` };
  const table = { type: "aws:ec2/routeTable:RouteTable", name: `table-${region}`, inputs: { region } };
  const task = taskDefinition({ region, containerDefinitions: json([container]) }, `task-${region}`);
  const subnetIds = subnets.map((subnet) => output(subnet, "id"));
  return [
    group,
    targets,
    ...subnets,
    gateway,
    outside,
    table,
    {
      type: "aws:ec2/route:Route",
      name: `route-${region}`,
      inputs: { region, routeTableId: output(table, "id"), gatewayId: output(gateway, "id") },
    },
    {
      type: "aws:ec2/routeTableAssociation:RouteTableAssociation",
      name: `association-${region}`,
      inputs: { region, routeTableId: output(table, "id"), subnetId: output(outside, "id") },
    },
    { type: "aws:elasticache/subnetGroup:SubnetGroup", name: `subnets-${region}`, inputs: { region, subnetIds } },
    task,
    service({ region, taskDefinition: output(task), networkConfiguration: { subnets: subnetIds } }, `shims-${region}`),
    ...alarmsOn(region, group, "ReplicationGroupId", [
      "DatabaseMemoryUsagePercentage",
      "EngineCPUUtilization",
      "Evictions",
    ]),
    alarm(
      {
        region,
        metricName: undefined,
        metricQueries: [
          {
            id: "sick",
            metric: { metricName: "UnHealthyHostCount", dimensions: { TargetGroup: output(targets, "arnSuffix") } },
          },
        ],
      },
      `UnHealthyHostCount-${targets.name}`,
    ),
  ];
}

function alarmsOn(region: string, watched: Sample, dimension: string, metrics: readonly string[]): Sample[] {
  return metrics.map((metricName) =>
    alarm(
      { region, metricName, dimensions: { [dimension]: output(watched, "name") } },
      `${metricName}-${watched.name}`,
    ),
  );
}
