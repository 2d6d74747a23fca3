// Rules for IAM: a role may do what it needs, to what it needs, and is taken on by whom it is for.
import * as aws from "@pulumi/aws";
import {
  type ReportViolation,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { judgeEach } from "./judgement";
import { type Grant, grantsOf, isForEverybody, listOf } from "./policyDocument";

const { GroupPolicy, Policy, Role, RolePolicy, RolePolicyAttachment, UserPolicy } = aws.iam;

/** A wildcard grants what nobody thought of, and what does not exist yet. */
export const iamNoWildcards: ResourceValidationPolicy = {
  name: "iam-no-wildcards",
  description:
    "Prevents whoever takes over one task from publishing to, or emptying, every topic, queue and secret of the account.",
  severity: "high",
  remediationSteps: "Name the actions, and the ARNs of the resources that they are for.",
  configSchema: {
    properties: {
      unscoped: {
        type: "array",
        items: { type: "string" },
        description: "Actions that may have every resource, because AWS knows no resource for them.",
        default: [
          "ecr:GetAuthorizationToken",
          "cloudwatch:PutMetricData",
          "ssmmessages:CreateControlChannel",
          "ssmmessages:CreateDataChannel",
          "ssmmessages:OpenControlChannel",
          "ssmmessages:OpenDataChannel",
        ],
      },
    },
  },
  validateResource: [
    validateResourceOfType(Policy, refuseWildcards),
    validateResourceOfType(RolePolicy, refuseWildcards),
    validateResourceOfType(UserPolicy, refuseWildcards),
    validateResourceOfType(GroupPolicy, refuseWildcards),
    validateResourceOfType(Role, ({ inlinePolicies = [] }, args, report) => {
      judgeEach(inlinePolicies, (inline) => refuseWildcards(inline, args, report));
    }),
  ],
};

function refuseWildcards(
  { policy }: { readonly policy?: unknown },
  { name, getConfig }: ResourceValidationArgs,
  report: ReportViolation,
): void {
  const { unscoped } = getConfig<{ unscoped: readonly string[] }>();
  judgeEach(grantsOf(policy), (grant) => {
    const wildcard = wildcardIn(grant, unscoped);
    if (wildcard) report(`${name} grants ${wildcard}. Name what is needed.`);
  });
}

/** What a grant leaves open, in words; undefined where nothing. */
function wildcardIn(grant: Grant, unscoped: readonly string[]): string | undefined {
  if (grant.NotAction !== undefined) return "all actions but some";
  if (grant.NotResource !== undefined) return "all resources but some";
  const actions = listOf(grant.Action);
  // "sqs:Get*" is a family of actions; "sqs:*" and "*" are everything.
  const open = actions.find((action) => /^(\*|[^:]*:\*)$/.test(action));
  if (open) return `the action ${open}`;
  const scoped = actions.find((action) => !unscoped.includes(action));
  return scoped && listOf(grant.Resource).includes("*") ? `${scoped} on every resource` : undefined;
}

/** AWS's own broad policies grow with every service that it adds. */
export const iamNoBroadPolicies: ResourceValidationPolicy = {
  name: "iam-no-broad-policies",
  description: "Prevents one task's role from being an administrator's, or from ruling a whole service.",
  severity: "high",
  remediationSteps: "Write a policy with the actions that are needed.",
  configSchema: {
    properties: {
      pattern: {
        type: "string",
        description: "Regular expression of the ARNs of policies that must not be attached.",
        default: "^arn:aws[^:]*:iam::aws:policy/(.*/)?(\\w*FullAccess|AdministratorAccess.*|PowerUserAccess)$",
      },
    },
  },
  validateResource: [
    validateResourceOfType(RolePolicyAttachment, ({ policyArn }, args, report) => {
      refuseBroad([policyArn], args, report);
    }),
    validateResourceOfType(Role, ({ managedPolicyArns = [] }, args, report) => {
      refuseBroad(managedPolicyArns, args, report);
    }),
  ],
};

function refuseBroad(
  arns: readonly string[],
  { name, getConfig }: ResourceValidationArgs,
  report: ReportViolation,
): void {
  const broad = new RegExp(getConfig<{ pattern: string }>().pattern);
  judgeEach(arns, (arn) => {
    if (broad.test(arn)) report(`${name} attaches ${arn}. Write a policy with what is needed.`);
  });
}

/** A role's trust policy is its front door. */
export const iamNoOpenTrust: ResourceValidationPolicy = {
  name: "iam-no-open-trust",
  description: "Prevents strangers from taking on a role of the account, and with it all that the role may do.",
  severity: "critical",
  remediationSteps: "Name the service or the principals that may assume the role.",
  validateResource: validateResourceOfType(Role, ({ assumeRolePolicy }, { name }, report) => {
    judgeEach(grantsOf(assumeRolePolicy), (grant) => {
      if (isForEverybody(grant)) report(`${name} may be assumed by everybody. Name who may.`);
    });
  }),
};
