// An ECS service in each of two regions. Its tasks run in the cache's network and find the cache by FLY_REDIS_CACHE_URL.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { GlobalCache, type Region } from "redis-on-fly";

const regions = ["us-east-1", "eu-west-1"] as const satisfies readonly Region[];
const image = new pulumi.Config().get("image") ?? "public.ecr.aws/docker/library/redis:8";

// The cache. Its NAT gateways serve the application's tasks too.
const cache = new GlobalCache("fly", { regions, egress: "nat" });

for (const region of regions) {
  const { network } = cache.regionalCache(region);
  const { ecsSecrets, secretArn } = cache.environment(region);

  // Whoever starts the tasks may read the URL, and write what they say.
  const logGroup = new aws.cloudwatch.LogGroup(`app-${region}`, { region, retentionInDays: 30 });
  const executionRole = new aws.iam.Role(`app-${region}-execution`, {
    assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ecs-tasks.amazonaws.com" }),
  });
  new aws.iam.RolePolicy(`app-${region}-starts-tasks`, {
    role: executionRole.id,
    policy: pulumi.jsonStringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArn },
        {
          Effect: "Allow",
          Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
          Resource: pulumi.interpolate`${logGroup.arn}:*`,
        },
      ],
    }),
  });

  // Tasks wear two groups: one lets them reach the cache, the other the internet.
  const securityGroup = new aws.ec2.SecurityGroup(`app-${region}`, {
    region,
    vpcId: network.vpcId,
    egress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }],
  });

  const cluster = new aws.ecs.Cluster(`app-${region}`, { region });
  const taskDefinition = new aws.ecs.TaskDefinition(`app-${region}`, {
    region,
    family: `app-${region}`,
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
    executionRoleArn: executionRole.arn,
    containerDefinitions: pulumi.jsonStringify([
      {
        name: "app",
        image,
        readonlyRootFilesystem: true,
        // Says on database 1, and so in every region, where it runs.
        command: [
          "sh",
          "-c",
          'while sleep 10; do redis-cli -u "$FLY_REDIS_CACHE_URL" -n 1 SET greeting "from $AWS_REGION"; done',
        ],
        secrets: ecsSecrets,
        logConfiguration: {
          logDriver: "awslogs",
          options: { "awslogs-group": logGroup.name, "awslogs-region": region, "awslogs-stream-prefix": "app" },
        },
      },
    ]),
  });
  new aws.ecs.Service(`app-${region}`, {
    region,
    cluster: cluster.arn,
    taskDefinition: taskDefinition.arn,
    launchType: "FARGATE",
    desiredCount: 2,
    deploymentCircuitBreaker: { enable: true, rollback: true },
    networkConfiguration: {
      subnets: [...network.subnetIds],
      securityGroups: [securityGroup.id, network.securityGroups.client.id],
    },
  });
}

export const cacheUrl = cache.cacheUrl("us-east-1");
