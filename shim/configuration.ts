// The shim's configuration: read once from the environment, validated as a whole, frozen. This file is the reference for
// every variable; `--help` prints it.
import { z } from "zod";
import { type SwitchableGroup, shimVariables, switchableGroups } from "./contract";

/** How to reach the region's cluster. */
export interface ClusterAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Absent: the server's `default` user. */
  readonly user: string | undefined;
  /** Absent: the server asks for none. */
  readonly password: string | undefined;
}

/** One key that seals envelopes. */
export interface EnvelopeKey {
  /** 0 to 255; travels with the envelope, so that the reader knows which key to take. */
  readonly id: number;
  /** 32 bytes, for AES-256-GCM. */
  readonly key: Buffer;
}

/** Everything that a shim may be told. */
export interface Configuration {
  readonly region: string;
  readonly host: string;
  readonly port: number;
  readonly operationsHost: string;
  readonly operationsPort: number;
  readonly user: string;
  readonly password: string;
  readonly allowGroups: readonly SwitchableGroup[];
  readonly cluster: ClusterAddress;
  readonly lanesPerProtocol: number;
  readonly upstreamTimeoutMs: number;
  readonly outputLimitBytes: number;
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly busEndpoint: string | undefined;
  /** The first seals; all open. */
  readonly envelopeKeys: readonly [EnvelopeKey, ...EnvelopeKey[]];
  readonly envelopeMaxBytes: number;
  readonly publishIntervalMs: number;
  readonly outboxMaxBytes: number;
  readonly horizonMs: number;
  readonly drainTimeoutMs: number;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
}

type Key = keyof typeof shimVariables;

/** A variable as users see it: the schema turns its text into a value. */
interface Variable<Value> {
  readonly purpose: string;
  readonly schema: z.ZodType<Value, string>;
  /** The text that stands for an unset variable; absent where the variable is required; null where it may be missing. */
  readonly fallback?: string | null;
  /** True where the value must not be shown. */
  readonly secret?: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;

function wholeNumber(from: number, to: number): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    context.addIssue(`must be a whole number from ${from} to ${to}`);
    return z.NEVER;
  });
}

function matching(pattern: RegExp, demand: string): z.ZodType<string, string> {
  return z.string().regex(pattern, demand);
}

const url = z.string().refine((text) => /^https?:$/.test(urlOf(text)?.protocol ?? ""), "must be an http or https URL");

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

const clusterUrl = z.string().transform((text, context): ClusterAddress => {
  const parsed = urlOf(text);
  if (
    !parsed ||
    !["redis:", "rediss:"].includes(parsed.protocol) ||
    !parsed.hostname ||
    !/^\/?0?$/.test(parsed.pathname)
  ) {
    context.addIssue("must look like redis://[user]:password@host:port, or rediss:// for TLS, without a database");
    return z.NEVER;
  }
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || 6379),
    tls: parsed.protocol === "rediss:",
    user: decodeURIComponent(parsed.username) || undefined,
    password: decodeURIComponent(parsed.password) || undefined,
  };
});

const envelopeKeys = z.string().transform((text, context): readonly [EnvelopeKey, ...EnvelopeKey[]] => {
  const keys = text.split(",").map((part): EnvelopeKey => {
    const [id, key] = part.split(":", 2);
    return { id: /^\d+$/.test(id ?? "") ? Number(id) : -1, key: Buffer.from(key ?? "", "base64") };
  });
  const [first, ...others] = keys;
  const wellFormed = keys.every(({ id, key }) => id >= 0 && id <= 255 && key.length === 32);
  if (!first || !wellFormed || new Set(keys.map(({ id }) => id)).size !== keys.length) {
    context.addIssue(
      "must be a comma-separated list of id:key with different ids from 0 to 255 and keys of 32 bytes in base64",
    );
    return z.NEVER;
  }
  return [first, ...others];
});

const groups = z.string().transform((text, context): readonly SwitchableGroup[] => {
  const names = text.split(",").filter((name) => name !== "");
  const known = switchableGroups.filter((group) => names.includes(group));
  if (known.length === names.length) return known;
  context.addIssue(`must be a comma-separated list of different groups out of ${switchableGroups.join(", ")}`);
  return z.NEVER;
});

const required = "must be set";

/** Every variable, in the order in which `--help` shows them. */
const variables = {
  region: {
    purpose: "AWS region that this shim serves",
    schema: matching(/^[a-z]{2}(-[a-z]+)+-\d+$/, "must be the name of an AWS region, such as eu-west-1"),
  },
  host: { purpose: "address to listen on for clients", schema: z.string(), fallback: "0.0.0.0" },
  port: {
    purpose: "port to listen on for clients; 0 takes a free one",
    schema: wholeNumber(0, 65535),
    fallback: "6379",
  },
  operationsHost: { purpose: "address for health and metrics over HTTP", schema: z.string(), fallback: "0.0.0.0" },
  operationsPort: {
    purpose: "port for /live, /ready and /metrics; 0 takes a free one",
    schema: wholeNumber(0, 65535),
    fallback: "9121",
  },
  user: {
    purpose: "name that clients may give with AUTH and HELLO beside `default`",
    schema: matching(/^[\w.~-]+$/, "must consist of letters, digits and . _ ~ -, which a URL carries unescaped"),
    fallback: "default",
  },
  password: {
    purpose: "password that clients give with AUTH and HELLO",
    schema: matching(
      /^[\w.~-]{16,}$/,
      "must be 16 or more of letters, digits and . _ ~ -, which a URL carries unescaped",
    ),
    secret: true,
  },
  allowGroups: {
    purpose: `groups of commands to allow that are refused as kin of the documented ones: ${switchableGroups.join(", ")}`,
    schema: groups,
    fallback: "",
  },
  clusterUrl: {
    purpose: "the region's cluster: redis://user:password@host:port, rediss:// for TLS",
    schema: clusterUrl,
    secret: true,
  },
  lanesPerProtocol: {
    purpose: "connections to the cluster that all sessions of one protocol version share",
    schema: wholeNumber(1, 64),
    fallback: "1",
  },
  upstreamTimeoutMs: {
    purpose: "milliseconds without an answer after which a connection to the cluster is given up",
    schema: wholeNumber(100, 600_000),
    fallback: "5000",
  },
  outputLimitBytes: {
    purpose: "bytes of replies that may wait for a slow client before it is disconnected",
    schema: wholeNumber(MIB, 1024 * MIB),
    fallback: String(64 * MIB),
  },
  topicArn: {
    purpose: "ARN of the region's SNS topic",
    schema: matching(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+$/, "must be the ARN of an SNS topic"),
  },
  queueUrl: { purpose: "URL of the region's SQS queue", schema: url },
  deadLetterQueueUrl: { purpose: "URL of the SQS queue for envelopes that cannot be opened or applied", schema: url },
  busEndpoint: {
    purpose: "URL that stands for SNS and SQS, for development against an emulator",
    schema: url,
    fallback: null,
  },
  envelopeKeys: {
    purpose:
      "keys that seal what travels between regions: id:base64 of 32 bytes, comma-separated; the first seals, all open",
    schema: envelopeKeys,
    secret: true,
  },
  envelopeMaxBytes: {
    purpose: "bytes of one SNS message at most; the topic's MaximumMessageSize",
    schema: wholeNumber(8 * KIB, MIB),
    fallback: String(256 * KIB),
  },
  publishIntervalMs: {
    purpose: "milliseconds between two publishes at least; commands are batched meanwhile",
    schema: wholeNumber(0, 10_000),
    fallback: "50",
  },
  outboxMaxBytes: {
    purpose: "bytes of accepted commands that may wait for SNS before database 1 answers an error",
    schema: wholeNumber(MIB, 4096 * MIB),
    fallback: String(64 * MIB),
  },
  horizonMs: {
    purpose: "milliseconds for which a region remembers what it has replayed",
    schema: wholeNumber(1000, 86_400_000),
    fallback: "600000",
  },
  drainTimeoutMs: {
    purpose: "milliseconds after SIGTERM in which sessions and the outbox may finish",
    schema: wholeNumber(0, 115_000),
    fallback: "30000",
  },
  logLevel: {
    purpose: "least severe level that is logged: fatal, error, warn, info, debug, trace, silent",
    schema: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
      error: "must be one of fatal, error, warn, info, debug, trace, silent",
    }),
    fallback: "info",
  },
} satisfies Record<Key, Variable<unknown>>;

/** Thrown by {@link parseConfiguration}; its message lists every fault, one to a line. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "CONFIGURATION";

  constructor(readonly faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n  ${faults.join("\n  ")}`,
    );
  }
}

/**
 * Reads the configuration from environment variables. An empty variable counts as unset.
 *
 * @throws ConfigurationError naming every variable that is missing, wrong or unknown, its value (secrets hidden), and
 *   what would be right.
 */
export function parseConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const faults: string[] = [];
  const values = Object.entries(variables).map(([key, variable]: [string, Variable<unknown>]) => {
    const name = shimVariables[key as Key];
    const text = environment[name] || variable.fallback;
    if (text === null) return [key, undefined];
    const shown = variable.secret ? "a hidden value" : JSON.stringify(text);
    const result = text === undefined ? undefined : variable.schema.safeParse(text);
    if (!result) faults.push(`${name} ${required}: ${variable.purpose}`);
    else if (!result.success)
      faults.push(`${name} is ${shown} but ${result.error.issues.map((i) => i.message).join("; ")}`);
    return [key, result?.data];
  });
  const known = new Set<string>(Object.values(shimVariables));
  for (const name of Object.keys(environment)) {
    if (name.startsWith("FLY_REDIS_") && name !== "FLY_REDIS_CACHE_URL" && !known.has(name)) {
      faults.push(`${name} is not known; --help lists the variables`);
    }
  }
  if (faults.length > 0) throw new ConfigurationError(faults);
  const { clusterUrl: cluster, ...rest } = Object.fromEntries(values);
  return Object.freeze({ ...rest, cluster });
}

/** The text of `--help`: every variable with its purpose and default. */
export function describeConfiguration(): string {
  const lines = Object.entries(variables).map(([key, variable]: [string, Variable<unknown>]) => {
    const { fallback } = variable;
    const standing = fallback === undefined ? "required" : `default: ${fallback || "none"}`;
    return `  ${shimVariables[key as Key]}\n      ${variable.purpose} (${standing})`;
  });
  return [
    "The shim of Redis on Fly: a RESP proxy in front of a region's cluster.",
    "",
    "Usage: node dist/main.js [--help]",
    "",
    "It is configured by environment variables:",
    "",
    ...lines,
    "",
    "AWS credentials come from the environment, as for every AWS SDK.",
  ].join("\n");
}
