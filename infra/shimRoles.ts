// What shims, and the agent that starts them, may do with AWS: the least that works, on the region's own resources.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { BusEnd } from "./replicationMesh";

export interface ShimRolesArgs {
  readonly bus: BusEnd;
  readonly secretArn: pulumi.Input<string>;
  readonly logGroupArn: pulumi.Input<string>;
  /** The registry's repository; undefined where anybody may pull. */
  readonly repositoryArn: pulumi.Input<string> | undefined;
}

interface Statement {
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: pulumi.Input<string>;
}

/** Makes the two roles of a shim's task, as children of `opts.parent`. */
export function makeShimRoles(name: string, args: ShimRolesArgs, opts: pulumi.CustomResourceOptions) {
  const { bus, secretArn, logGroupArn, repositoryArn } = args;
  return {
    /** Worn by the shim itself. */
    task: makeRole(
      `${name}-task-role`,
      [
        allow(bus.topic.arn, "sns:Publish"),
        allow(bus.queue.arn, "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
        allow(bus.deadLetterQueue.arn, "sqs:SendMessage"),
      ],
      opts,
    ),
    /** Worn by the agent that pulls the image, reads the secrets and writes the log. */
    execution: makeRole(
      `${name}-execution-role`,
      [
        allow(secretArn, "secretsmanager:GetSecretValue"),
        allow(pulumi.interpolate`${logGroupArn}:log-stream:*`, "logs:CreateLogStream", "logs:PutLogEvents"),
        ...(repositoryArn === undefined
          ? []
          : [
              allow(
                repositoryArn,
                "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer",
                "ecr:BatchGetImage",
              ),
              // It takes no resource: it gives the registry's token, which opens nothing that the line above does not.
              allow("*", "ecr:GetAuthorizationToken"),
            ]),
      ],
      opts,
    ),
  };
}

function allow(resource: pulumi.Input<string>, ...actions: readonly string[]): Statement {
  return { Effect: "Allow", Action: actions, Resource: resource };
}

/** IAM is global: roles have no region. */
function makeRole(name: string, statements: readonly Statement[], opts: pulumi.CustomResourceOptions): aws.iam.Role {
  const role = new aws.iam.Role(
    name,
    {
      assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
      }),
    },
    opts,
  );
  new aws.iam.RolePolicy(
    `${name}-policy`,
    { role: role.id, policy: pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements }) },
    opts,
  );
  return role;
}
