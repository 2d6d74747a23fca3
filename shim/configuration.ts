// The shim's configuration: read once from the environment, validated as a whole, frozen.
import { type Variable, type VariableKey, variables } from "./configurationVariables";
import { type OutboxMode, type SwitchableGroup, shimVariables } from "./contract";

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

/** Who may connect, and what they may do. */
export interface User {
  readonly name: string;
  /** All of them count: an old and a new one while they are changed. */
  readonly passwords: readonly string[];
  /** Whether commands that change data are allowed. */
  readonly write: boolean;
  /** Whether database 1 may be selected. */
  readonly database1: boolean;
  /** Whether FLUSHALL is allowed. */
  readonly flushall: boolean;
  /** Writes on database 1 a second and shim; absent: no limit. */
  readonly database1PerSecond?: number | undefined;
}

/** Everything that a shim may be told. */
export interface Configuration {
  readonly region: string;
  readonly host: string;
  readonly port: number;
  readonly operationsHost: string;
  readonly operationsPort: number;
  readonly typedPort: number | undefined;
  readonly tlsCertificate: string | undefined;
  readonly tlsKey: string | undefined;
  readonly maxClients: number;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly keepAliveMs: number;
  /** The first may do everything, and is also whom `default` means. */
  readonly users: readonly [User, ...User[]];
  readonly clientNames: boolean;
  readonly allowGroups: readonly SwitchableGroup[];
  readonly cluster: ClusterAddress;
  readonly lanesPerProtocol: number;
  readonly coalesce: boolean;
  readonly maxPrivateLanes: number;
  readonly upstreamTimeoutMs: number;
  readonly outputLimitBytes: number;
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly busEndpoint: string | undefined;
  /** The first seals; all open. */
  readonly envelopeKeys: readonly [EnvelopeKey, ...EnvelopeKey[]];
  readonly envelopeVersion: number;
  readonly envelopeMaxBytes: number;
  readonly publishIntervalMs: number;
  readonly outboxMode: OutboxMode;
  readonly outboxMaxBytes: number;
  readonly publishTimeoutMs: number;
  /** Patterns of keys. */
  readonly invalidate: readonly string[];
  readonly horizonMs: number;
  readonly recordsMaxBytes: number;
  readonly largeCommandMaxBytes: number;
  readonly canaryIntervalMs: number;
  readonly drainTimeoutMs: number;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
}

const allRights = { write: true, database1: true, flushall: true };

/** Thrown by {@link parseConfiguration}; its message lists every fault, one to a line. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "CONFIGURATION";

  constructor(
    readonly faults: readonly string[],
    options?: ErrorOptions,
  ) {
    super(
      `the configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n  ${faults.join("\n  ")}`,
      options,
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
    const name = shimVariables[key as VariableKey];
    const text = environment[name] || variable.fallback;
    if (text === null) return [key, undefined];
    const shown = variable.secret ? "a hidden value" : JSON.stringify(text);
    const result = text === undefined ? undefined : variable.schema.safeParse(text);
    if (!result) faults.push(`${name} must be set: ${variable.purpose}`);
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
  const { clusterUrl: cluster, user, password, users, ...rest } = Object.fromEntries(values);
  if (Boolean(rest.tlsCertificate) !== Boolean(rest.tlsKey)) {
    faults.push(`${shimVariables.tlsCertificate} and ${shimVariables.tlsKey} go together: set both or none`);
  }
  const everybody = [{ ...allRights, name: user, passwords: password }, ...(users ?? [])];
  const names = everybody.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    faults.push(`${shimVariables.users} has the user ${twice} twice, or as ${shimVariables.user}`);
  if (faults.length > 0) throw new ConfigurationError(faults);
  return Object.freeze({ ...rest, cluster, users: everybody });
}

/** The text of `--help`: every variable with its purpose and default. */
export function describeConfiguration(): string {
  const lines = Object.entries(variables).map(([key, variable]: [string, Variable<unknown>]) => {
    const { fallback } = variable;
    const standing = fallback === undefined ? "required" : `default: ${fallback || "none"}`;
    return `  ${shimVariables[key as VariableKey]}\n      ${variable.purpose} (${standing})`;
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
