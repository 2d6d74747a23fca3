// What may be asked of a cache: every option with its purpose and default, validated together before anything is made,
// so that all faults are told at once, by name, with the value each had and what would be right.
import type * as pulumi from "@pulumi/pulumi";
import { Output } from "@pulumi/pulumi";
import { RunError } from "@pulumi/pulumi/errors";
import { z } from "zod";
import { type OutboxMode, outboxModes, type SwitchableGroup, switchableGroups } from "../shim/contract";
import { isPlanBlock, planPrefixes } from "./addressPlan";
import { isSupportedRegion, type Region, refusalOfRegion, supportedRegions } from "./regions";
import { type ShimSettings, shimSettings } from "./shimSettings";

/** A network that exists already. */
export interface ExistingVpc {
  readonly vpcId: pulumi.Input<string>;
  /** Private subnets, one in each of two or three zones. */
  readonly subnetIds: readonly pulumi.Input<string>[];
}

/** A user beside the main one, `fly`, who may do everything. Its password is generated. */
export interface CacheUser {
  /** Letters, digits and `. _ -`, which URLs and names of secrets carry. */
  readonly name: string;
  /** Whether it may use commands that change data. @default true */
  readonly write?: boolean;
  /** Whether it may select database 1. @default true */
  readonly database1?: boolean;
  /** Whether it may use FLUSHALL. @default true */
  readonly flushall?: boolean;
  /** Its writes on database 1 a second and shim at most. @default no limit */
  readonly database1PerSecond?: number;
  /** As {@link GlobalCacheArgs.clientPasswordIds}. @default [1] */
  readonly passwordIds?: readonly number[];
}

/** Name of the user who may do everything. */
export const mainUser = "fly";

/** How shims reach SNS, SQS, ECR, CloudWatch Logs and Secrets Manager. */
export type Egress = "endpoints" | "nat" | "none";

/** Processor of the shims. */
export type Architecture = "arm64" | "amd64";

/** Arguments of a cache. All but `regions` may be left out. */
export interface GlobalCacheArgs {
  /**
   * Regions that the cache spans, each once. They must be enabled by default and no opt-in region to SNS. The first is
   * where the dashboard is kept.
   * @example ["us-east-1", "eu-west-1"]
   */
  readonly regions: readonly Region[];

  /**
   * How shims reach AWS's own services: `endpoints` (private, in every zone), `nat` (one gateway, cheaper, and the
   * application's tasks in the same subnets reach the internet too), or `none`, which goes with `vpcs` alone: that
   * network has its own way.
   * @default "nat", or "none" with `vpcs`
   */
  readonly egress?: Egress;
  /** Zones of each region that a network made here spreads over, 2 or 3. @default 2 */
  readonly zones?: number;
  /** IPv4 block, /10 to /16, of which networks made here take one 64th each. @default "10.64.0.0/10" */
  readonly cidrBlock?: string;
  /**
   * Networks to use instead of making them, by region; all regions or none.
   * @example { "us-east-1": { vpcId: "vpc-0a1b", subnetIds: ["subnet-0c2d", "subnet-0e3f"] } }
   */
  readonly vpcs?: Partial<Record<Region, ExistingVpc>>;
  /** Blocks whose addresses may connect to the cache, in every region. @default [] @example ["10.0.0.0/16"] */
  readonly clientCidrBlocks?: readonly string[];
  /** Security groups whose members may connect, by region, beside the one made for clients. @default {} */
  readonly clientSecurityGroupIds?: Partial<Record<Region, readonly pulumi.Input<string>[]>>;

  /** ElastiCache node type of every cluster. @default "cache.t4g.micro" */
  readonly nodeType?: string;
  /** Replicas beside each primary, 0 to 5; with one or more, a failover to another zone is automatic. @default 1 */
  readonly replicas?: number;
  /** Shards of every cluster. More than one is refused until shims speak to clusters of many. @default 1 */
  readonly shards?: number;
  /** Day (UTC) on which AWS may maintain clusters: one hour a region, no two regions in the same. @default "sun" */
  readonly maintenanceDay?: "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

  /**
   * Image of the shim, by digest, in a registry that shims reach. Left out, it is built from this package and pushed to
   * each region's ECR; that takes Docker.
   * @example "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shim@sha256:…"
   */
  readonly image?: string;
  /** Processor of the shims. @default "arm64" */
  readonly architecture?: Architecture;
  /** Shims a region at least, one vCPU each. @default 2 */
  readonly minShims?: number;
  /** Shims a region at most. @default 6 */
  readonly maxShims?: number;
  /** Client connections a shim for which shims are added. @default 5000 */
  readonly connectionsPerShim?: number;
  /**
   * Whether there is a second port and URL, where database 1 answers with the type that a command's own reply would have
   * instead of `OK`, for drivers that raise an error otherwise. @default false
   */
  readonly typedReplies?: boolean;
  /**
   * Other variables of the shim, by their names in camel case without `FLY_REDIS_`; docs/configuration.md has them all.
   * @default {} @example { horizonMs: 900_000, clientNames: "on" }
   */
  readonly shim?: ShimSettings;
  /** Groups of refused commands to allow: `keyspace`, `geo`. @default [] */
  readonly allowGroups?: readonly SwitchableGroup[];
  /**
   * When a command on database 1 is answered OK: once it is in a shim's memory (`memory`), or once SNS has it
   * (`published`), which takes tens of milliseconds and loses nothing when a shim dies. @default "memory"
   */
  readonly outboxMode?: OutboxMode;
  /**
   * Patterns of keys, as KEYS has them and without commas, that database 1 sets in the writer's region alone and deletes
   * in the others. @default [] @example ["session:*"]
   */
  readonly invalidate?: readonly string[];
  /** Private DNS name of the cache, the same in every region. @default "cache.redis-on-fly.internal" */
  readonly domainName?: string;
  /**
   * ACM certificates for `domainName`, by region; all regions or none. With them clients connect by TLS (`rediss://`).
   * @default {}
   */
  readonly certificateArns?: Partial<Record<Region, pulumi.Input<string>>>;

  /** Keys for what travels between regions, by id (0 to 255): the first seals, all open. @default [1] */
  readonly envelopeKeyIds?: readonly number[];
  /** Passwords of the clusters' user, by id, one or two: shims use the first, clusters take all. @default [1] */
  readonly clusterPasswordIds?: readonly number[];
  /** Passwords of clients, by id: the URL has the first, shims take all. @default [1] */
  readonly clientPasswordIds?: readonly number[];

  /**
   * Users with fewer rights beside the main one; each has a URL of its own.
   * @default [] @example [{ name: "reader", write: false }]
   */
  readonly users?: readonly CacheUser[];

  /** Addresses that each region's alarms are mailed to, once their owners have confirmed. @default [] */
  readonly alarmEmails?: readonly string[];
  /** Days that logs are kept; one of those that CloudWatch Logs knows. @default 30 */
  readonly logRetentionDays?: number;

  /** Whether Pulumi refuses to delete any part of the cache until this is taken back. @default false */
  readonly protect?: boolean;
}

const logRetentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3653,
];
const maintenanceDays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const listOfRegions = "must be a list of regions; try: pulumi config set --path 'regions[0]' us-east-1";

const region = z.string(listOfRegions).transform((name, context): Region => {
  if (isSupportedRegion(name)) return name;
  context.addIssue(`${refusalOfRegion(name)}; choose from ${supportedRegions.join(", ")}`);
  return z.NEVER;
});

/** Text that a resource of the caller's may produce; what is not known yet cannot be judged. */
function inputMatching(pattern: RegExp, demand: string) {
  return z.custom<pulumi.Input<string>>(
    (value) =>
      Output.isInstance(value) || value instanceof Promise || (typeof value === "string" && pattern.test(value)),
    demand,
  );
}

function textMatching(pattern: RegExp, demand: string) {
  return z.string(demand).regex(pattern, demand);
}

function wholeNumber(from: number, to: number) {
  const demand = `must be a whole number from ${from} to ${to}`;
  return z.int(demand).min(from, demand).max(to, demand);
}

function oneOf<const Values extends readonly string[]>(values: Values) {
  return z.enum(values, `must be one of ${values.join(", ")}`);
}

function listOf<Item extends z.ZodType>(item: Item, demand: string) {
  return z.array(item, demand).refine((list) => new Set(list).size === list.length, "must not name anything twice");
}

function byRegion<Value extends z.ZodType>(value: Value) {
  return z.record(z.string(), value, "must map regions to values").default({});
}

function ids(atMost: number) {
  const demand = `must be a list of 1 to ${atMost} different whole numbers from 0 to 255`;
  return z
    .array(z.int(demand).min(0, demand).max(255, demand), demand)
    .min(1, demand)
    .max(atMost, demand)
    .refine((list) => new Set(list).size === list.length, demand)
    .default([1]);
}

const securityGroupId = inputMatching(/^sg-\w+$/, "must be the id of a security group, such as sg-0a1b2c");
const vpc = z.strictObject(
  {
    vpcId: inputMatching(/^vpc-\w+$/, "must be the id of a VPC, such as vpc-0a1b2c"),
    subnetIds: listOf(
      inputMatching(/^subnet-\w+$/, "must be the id of a subnet, such as subnet-0a1b2c"),
      "must be a list of subnets",
    )
      .min(2, "must be subnets in two or three zones")
      .max(3, "must be subnets in two or three zones"),
  },
  "must have vpcId and subnetIds, and nothing else",
);

const planBlock = `must be an aligned IPv4 block from /${planPrefixes.shortest} to /${planPrefixes.longest}, such as 10.64.0.0/10`;
const flag = z.boolean("must be true or false");

const user = z.strictObject(
  {
    name: z
      .string("must be a text")
      .regex(/^[\w.-]+$/, "must consist of letters, digits and . _ -")
      .refine((name) => name !== mainUser && name !== "default", "must be another than the main user's"),
    write: flag.default(true),
    database1: flag.default(true),
    flushall: flag.default(true),
    database1PerSecond: wholeNumber(1, 1_000_000).exactOptional(),
    passwordIds: ids(4),
  },
  "must have a name, and none but the rights of a user",
);

const fields = z.strictObject({
  regions: z
    .array(region, listOfRegions)
    .min(1, "must name at least one region")
    .refine((names) => new Set(names).size === names.length, "must not name a region twice"),
  egress: oneOf(["endpoints", "nat", "none"]).optional(),
  zones: wholeNumber(2, 3).default(2),
  cidrBlock: z.string(planBlock).refine(isPlanBlock, planBlock).default("10.64.0.0/10"),
  vpcs: byRegion(vpc),
  clientCidrBlocks: listOf(z.cidrv4("must be an IPv4 block, such as 10.0.0.0/16"), "must be a list of blocks").default(
    [],
  ),
  clientSecurityGroupIds: byRegion(listOf(securityGroupId, "must be a list of security groups")),
  nodeType: textMatching(
    /^cache\.[a-z0-9-]+\.[a-z0-9]+$/,
    "must be an ElastiCache node type, such as cache.t4g.micro",
  ).default("cache.t4g.micro"),
  replicas: wholeNumber(0, 5).default(1),
  shards: z
    .literal(1, "must be 1: shims do not speak to clusters of several shards yet; take a larger nodeType")
    .default(1),
  maintenanceDay: oneOf(maintenanceDays).default("sun"),
  image: textMatching(
    /^[\w.:/-]+@sha256:[0-9a-f]{64}$/,
    "must name an image by its digest: <repository>@sha256:<64 digits>",
  ).exactOptional(),
  architecture: oneOf(["arm64", "amd64"]).default("arm64"),
  minShims: wholeNumber(1, 100).default(2),
  maxShims: wholeNumber(1, 100).default(6),
  connectionsPerShim: wholeNumber(100, 50_000).default(5000),
  typedReplies: flag.default(false),
  shim: shimSettings.default({}),
  allowGroups: listOf(oneOf(switchableGroups), "must be a list of groups").default([]),
  outboxMode: oneOf(outboxModes).default("memory"),
  invalidate: listOf(
    textMatching(/^[^,]+$/, "must be a pattern without commas, such as session:*"),
    "must be a list of patterns",
  ).default([]),
  domainName: textMatching(
    /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]+$/,
    "must be a DNS name, such as cache.example.internal",
  ).default("cache.redis-on-fly.internal"),
  certificateArns: byRegion(inputMatching(/^arn:aws:acm:/, "must be the ARN of an ACM certificate")),
  envelopeKeyIds: ids(256),
  clusterPasswordIds: ids(2),
  clientPasswordIds: ids(4),
  users: z
    .array(user, "must be a list of users")
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "must not name a user twice")
    .default([]),
  alarmEmails: listOf(z.email("must be a mail address"), "must be a list of mail addresses").default([]),
  logRetentionDays: z
    .int("must be a whole number")
    .refine((days) => logRetentions.includes(days), `must be one of ${logRetentions.join(", ")}`)
    .default(30),
  protect: flag.default(false),
});

/** A cache's options with their defaults. */
export type CacheOptions = Omit<z.output<typeof fields>, "egress"> & { readonly egress: Egress };

const schema = fields.superRefine((options, context) => {
  const fault = (path: string, input: unknown, message: string) =>
    context.addIssue({ code: "custom", path: [path], input, message });
  const { regions, egress, vpcs, certificateArns, minShims, maxShims } = options;
  for (const name of ["vpcs", "clientSecurityGroupIds", "certificateArns"] as const) {
    const strangers = Object.keys(options[name]).filter((key) => !regions.some((known) => known === key));
    if (strangers.length > 0) fault(name, strangers, "must be among the regions");
  }
  for (const [name, values] of Object.entries({ vpcs, certificateArns })) {
    const missing = regions.filter((known) => !(known in values));
    if (missing.length > 0 && missing.length < regions.length) {
      fault(name, Object.keys(values), `must name all regions or none; ${missing.join(", ")} missing`);
    }
  }
  const existing = Object.keys(vpcs).length > 0;
  if (egress === "none" && !existing) fault("egress", egress, "goes with networks of your own: set vpcs");
  if (egress !== undefined && egress !== "none" && existing) {
    fault("egress", egress, "must be none or left out with vpcs: such a network has its own way out");
  }
  if (maxShims < minShims) fault("maxShims", maxShims, `must not be less than minShims, ${minShims}`);
});

/**
 * Validates options and fills in the defaults.
 *
 * @throws RunError listing every fault, a line each. Pulumi prints it without a stack trace.
 */
export function resolveOptions(args: unknown): CacheOptions {
  const result = schema.safeParse(args, { reportInput: true });
  if (!result.success) {
    throw new RunError(["The cache's options have faults:", ...result.error.issues.map(faultText)].join("\n  "));
  }
  const { egress = Object.keys(result.data.vpcs).length > 0 ? "none" : "nat", ...options } = result.data;
  return Object.freeze({ ...options, egress });
}

function faultText(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys" && issue.path.length === 0) {
    return `${issue.keys.join(", ")}: not known; there are ${Object.keys(fields.shape).join(", ")}`;
  }
  const value = issue.input === undefined ? "nothing" : JSON.stringify(issue.input);
  return `${z.core.toDotPath(issue.path)}: ${value} ${issue.message}`;
}
