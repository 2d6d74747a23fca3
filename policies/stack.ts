// Rules for every resource of a stack, whatever the service: where it is, whose it is, and what all of them cost.
import type { ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { supportedRegions } from "../infra/regions";
import { monthlyCost } from "./cost";
import { judgeEach, parsed } from "./judgement";
import { regionOf } from "./references";

/** Where data may be, and where the bus between regions works. */
export const stackRegions: ResourceValidationPolicy = {
  name: "stack-regions",
  description:
    "Prevents users' data from being copied to a region where it may not be, and a cache from being in one that SNS does " +
    "not deliver to: between opt-in regions it drops messages.",
  severity: "high",
  remediationSteps: "Use an allowed region, or have another one allowed in the pack's configuration.",
  configSchema: {
    properties: {
      allowed: {
        type: "array",
        items: { type: "string" },
        description: "Allowed regions.",
        default: [...supportedRegions],
      },
    },
  },
  validateResource: (args, report) => {
    if (!args.type.startsWith("aws:") || isGlobal(args.type)) args.notApplicable();
    const region = regionOf(args);
    const { allowed } = args.getConfig<{ allowed: readonly string[] }>();
    if (region && !allowed.includes(region)) report(`${args.name} is in ${region}, which is not allowed.`);
  },
};

/** Whether resources of a type are in no region, whatever the region of their provider. */
function isGlobal(type: string): boolean {
  return /^aws:(iam|route53|globalaccelerator|cloudfront)\//.test(type);
}

// Those that a bill shows, and that people look for in the console.
const tagged: ReadonlySet<string> = new Set([
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ec2/natGateway:NatGateway",
  "aws:ec2/vpc:Vpc",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ecr/repository:Repository",
  "aws:ecs/cluster:Cluster",
  "aws:ecs/service:Service",
  "aws:elasticache/cluster:Cluster",
  "aws:elasticache/replicationGroup:ReplicationGroup",
  "aws:elasticache/serverlessCache:ServerlessCache",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:secretsmanager/secret:Secret",
  "aws:sns/topic:Topic",
  "aws:sqs/queue:Queue",
]);

/** Tags are how a bill, or an alarm at night, finds its owner. */
export const stackTags: ResourceValidationPolicy = {
  name: "stack-tags",
  description: "Prevents resources that nobody owns: nobody dares to delete them, and nobody is called when they fail.",
  severity: "low",
  remediationSteps:
    "Set the tags in the provider's defaultTags (pulumi config set --path 'aws:defaultTags.tags.Owner').",
  configSchema: {
    properties: {
      required: {
        type: "array",
        items: { type: "string" },
        description: "Tags that every resource with a price must have.",
        default: [],
      },
    },
  },
  validateResource: ({ type, name, props, provider, getConfig, notApplicable }, report) => {
    if (!tagged.has(type)) notApplicable();
    const { required } = getConfig<{ required: readonly string[] }>();
    const missing = required.filter(
      (tag) => !(tag in { ...defaultTagsOf(provider?.props.defaultTags), ...props.tags }),
    );
    if (missing.length > 0) report(`${name} has no ${missing.join(", ")}. Set the tags that say whose it is.`);
  },
};

/** A provider has its arguments as JSON, or as they are where the program made it. */
function defaultTagsOf(defaultTags: unknown): object {
  const { tags = {} } = ((typeof defaultTags === "string" ? parsed(defaultTags) : defaultTags) ?? {}) as {
    tags?: object;
  };
  return tags;
}

/** A word in a stack file, times every region, is money. */
export const stackCost: StackValidationPolicy = {
  name: "stack-cost",
  description:
    "Prevents a bill that nobody expected: nodes, tasks, endpoints and gateways are paid by the hour in every region, " +
    "used or not.",
  severity: "medium",
  remediationSteps: "Choose smaller nodes, fewer replicas or NAT instead of endpoints, or raise the limit.",
  configSchema: {
    properties: {
      dollars: {
        type: "number",
        minimum: 0,
        description: "What a stack may cost a month in US dollars, traffic aside.",
        default: 2500,
      },
    },
  },
  validateStack: ({ resources, getConfig }, report) => {
    const { dollars } = getConfig<{ dollars: number }>();
    let cost = 0;
    try {
      judgeEach(resources, (resource) => {
        cost += monthlyCost(resource, resources);
      });
    } finally {
      // Also where some of it is not known yet: what is known may be too much already.
      if (cost > dollars) report(`The stack costs $${Math.round(cost)} a month or more; the limit is $${dollars}.`);
    }
  },
};
