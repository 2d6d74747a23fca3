// Cases of the rules for roles and what they may do.
import { type Input, json, samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";

const queueArn = "arn:aws:sqs:eu-west-1:111122223333:queue";
const allowing = (changes: Record<string, Input> = {}): Input =>
  json({ Statement: [{ Effect: "Allow", Action: ["sqs:ReceiveMessage"], Resource: queueArn, ...changes }] });
const rolePolicy = samplesOf("aws:iam/rolePolicy:RolePolicy", "consume", { role: "shim", policy: allowing() });
const policy = (type: string) => samplesOf(`aws:iam/${type}`, "policy", { policy: allowing() });

const trusting = (Principal: Input, Condition?: Input): Input =>
  json({ Statement: [{ Effect: "Allow", Principal, Action: "sts:AssumeRole", Condition }] });
const role = samplesOf("aws:iam/role:Role", "shim", {
  assumeRolePolicy: trusting({ Service: "ecs-tasks.amazonaws.com" }),
});
const attachment = samplesOf("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attachment", {
  role: "shim",
  policyArn: "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
});

const everyAction = allowing({ Action: "sqs:*" });
const byEverybody = "shim may be assumed by everybody. Name who may.";

export const iamCases: Readonly<Record<string, Cases>> = {
  "iam-no-wildcards": {
    configured: [[{ unscoped: ["sqs:ReceiveMessage"] }, rolePolicy({ policy: allowing({ Resource: "*" }) })]],
    right: [
      rolePolicy(),
      rolePolicy({ policy: allowing({ Action: "ecr:GetAuthorizationToken", Resource: "*" }) }),
      rolePolicy({ policy: { Statement: [{ Effect: "Allow", Action: "sqs:Get*", Resource: `${queueArn}/*` }] } }),
    ],
    wrong: [
      ["consume grants the action *. Name what is needed.", rolePolicy({ policy: allowing({ Action: "*" }) })],
      ["consume grants the action sqs:*. Name what is needed.", rolePolicy({ policy: everyAction })],
      [
        "consume grants sqs:ReceiveMessage on every resource. Name what is needed.",
        rolePolicy({ policy: allowing({ Resource: ["*"] }) }),
      ],
      [
        "consume grants all actions but some. Name what is needed.",
        rolePolicy({ policy: allowing({ Action: undefined, NotAction: "iam:*" }) }),
      ],
      [
        "consume grants all resources but some. Name what is needed.",
        rolePolicy({ policy: allowing({ Resource: undefined, NotResource: queueArn }) }),
      ],
      ["policy grants the action sqs:*. Name what is needed.", policy("policy:Policy")({ policy: everyAction })],
      [
        "policy grants the action sqs:*. Name what is needed.",
        policy("userPolicy:UserPolicy")({ policy: everyAction }),
      ],
      [
        "policy grants the action sqs:*. Name what is needed.",
        policy("groupPolicy:GroupPolicy")({ policy: everyAction }),
      ],
      [
        "shim grants the action sqs:*. Name what is needed.",
        role({
          inlinePolicies: [
            { name: "unknown", policy: allowing() },
            { name: "open", policy: everyAction },
          ],
        }),
      ],
    ],
    absent: role(),
    notApplicable: rolePolicy({ policy: allowing({ Effect: "Deny", Action: "*", Resource: "*" }) }),
    unknown: rolePolicy({ policy: unknown }),
  },
  "iam-no-broad-policies": {
    configured: [
      [{ pattern: "Administrator" }, attachment({ policyArn: "arn:aws:iam::aws:policy/AmazonSQSFullAccess" })],
    ],
    right: [attachment(), role({ managedPolicyArns: [attachment().inputs.policyArn] })],
    wrong: [
      [
        "attachment attaches arn:aws:iam::aws:policy/AdministratorAccess. Write a policy with what is needed.",
        attachment({ policyArn: "arn:aws:iam::aws:policy/AdministratorAccess" }),
      ],
      [
        "shim attaches arn:aws:iam::aws:policy/AmazonSQSFullAccess. Write a policy with what is needed.",
        role({ managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"] }),
      ],
    ],
    absent: role({ managedPolicyArns: undefined }),
    notApplicable: attachment({ policyArn: "arn:aws:iam::111122223333:policy/AdministratorAccess" }),
    unknown: attachment({ policyArn: unknown }),
  },
  "iam-no-open-trust": {
    right: [role(), role({ assumeRolePolicy: trusting("*", { StringEquals: { "aws:PrincipalOrgID": "o-1" } }) })],
    wrong: [
      [byEverybody, role({ assumeRolePolicy: trusting("*") })],
      [byEverybody, role({ assumeRolePolicy: trusting({ AWS: "*" }) })],
    ],
    absent: role({ assumeRolePolicy: json({ Statement: [] }) }),
    notApplicable: { type: "aws:iam/user:User", name: "user", inputs: { assumeRolePolicy: trusting("*") } },
    unknown: role({ assumeRolePolicy: unknown }),
  },
};
