// The program's configuration: read once, validated as a whole, frozen. Every fault is reported at once, by the name
// that `pulumi config set` takes, with the value it had and what would be right.
import { RunError } from "@pulumi/pulumi/errors";
import { z } from "zod";
import { isSupportedRegion, type Region, refusalOfRegion, supportedRegions } from "./regions";

/** What a stack file decides, under the project's namespace `redis-on-fly`. */
export interface Configuration {
  /** Regions that the cache spans, one or more, such as `["us-east-1", "eu-west-1"]`; each must be enabled by default. */
  readonly regions: readonly Region[];
  /** ElastiCache node type of every cluster. @default "cache.t4g.micro" */
  readonly nodeType: string;
  /** Replicas beside each cluster's primary, 0 to 5; with one or more, a failover to another zone is automatic. @default 1 */
  readonly replicas: number;
}

/** Where values come from: `new pulumi.Config()`, which gives lists as JSON. */
export interface ConfigurationSource {
  get(key: string): string | undefined;
}

const listOfRegions = "must be a list of regions; try: pulumi config set --path 'regions[0]' us-east-1";

const region = z.string(listOfRegions).transform((name, context): Region => {
  if (isSupportedRegion(name)) return name;
  context.addIssue(`${refusalOfRegion(name)}; choose from ${supportedRegions.join(", ")}`);
  return z.NEVER;
});

const schema = z.object({
  regions: z
    .string(listOfRegions)
    .transform(parsedJson)
    .pipe(
      z
        .array(region, listOfRegions)
        .min(1, "must name at least one region")
        .refine((names) => new Set(names).size === names.length, "must not name a region twice"),
    ),
  nodeType: z
    .string()
    .regex(/^cache\.[a-z0-9-]+\.[a-z0-9]+$/, "must be an ElastiCache node type, such as cache.t4g.micro")
    .default("cache.t4g.micro"),
  replicas: z
    .string()
    .regex(/^[0-5]$/, "must be a whole number from 0 to 5")
    .transform(Number)
    .default(1),
});

/**
 * Reads and validates the stack's configuration.
 *
 * @throws RunError listing every fault. Pulumi prints it without a stack trace.
 */
export function readConfiguration(source: ConfigurationSource): Configuration {
  const values = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, source.get(name)]));
  const result = schema.safeParse(values, { reportInput: true });
  if (result.success) return Object.freeze(result.data);
  const faults = result.error.issues.map(({ path, input, message }) => {
    const value = input === undefined ? "nothing" : JSON.stringify(input);
    return `  ${z.core.toDotPath(path)}: ${value} ${message}`;
  });
  throw new RunError(["The stack's configuration has faults:", ...faults].join("\n"));
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
