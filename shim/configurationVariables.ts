// Every environment variable of the shim: its purpose, its default, and which values it takes. This is the reference for
// users; `--help` and the documentation are made from it.
import { z } from "zod";
import {
  clusterUrl,
  envelopeKeys,
  groups,
  KIB,
  MIB,
  matching,
  name,
  onOff,
  passwords,
  url,
  users,
  wholeNumber,
} from "./configurationValues";
import { NEWEST_ENVELOPE_VERSION, outboxModes, type shimVariables, switchableGroups } from "./contract";

export type VariableKey = keyof typeof shimVariables;

/** A variable as users see it: the schema turns its text into a value. */
export interface Variable<Value> {
  readonly purpose: string;
  readonly schema: z.ZodType<Value, string>;
  /** The text that stands for an unset variable; absent where the variable is required; null where it may be missing. */
  readonly fallback?: string | null;
  /** True where the value must not be shown. */
  readonly secret?: boolean;
}

/** Every variable, in the order in which `--help` shows them. */
export const variables = {
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
  typedPort: {
    purpose: "port on which database 1 answers with the types that a command's reply would have, for typed drivers",
    schema: wholeNumber(0, 65535),
    fallback: null,
  },
  tlsCertificate: {
    purpose: "file with the certificate chain in PEM: clients then connect by TLS; read anew when it changes",
    schema: z.string(),
    fallback: null,
  },
  tlsKey: { purpose: "file with the certificate's private key in PEM", schema: z.string(), fallback: null },
  maxClients: {
    purpose:
      "clients connected at most; fewer where the limit of open files (`ulimit -n`) has no room for them, for `FLY_REDIS_MAX_PRIVATE_LANES`, and for a hundred more",
    schema: wholeNumber(1, 1_000_000),
    fallback: "10000",
  },
  idleTimeoutMs: {
    purpose: "milliseconds after which a client that sends nothing is disconnected; 0: never",
    schema: wholeNumber(0, 86_400_000),
    fallback: "0",
  },
  maxAgeMs: {
    purpose:
      "milliseconds after which a client is disconnected between two commands, so that it moves to another shim; 0: never",
    schema: wholeNumber(0, 604_800_000),
    fallback: "0",
  },
  keepAliveMs: {
    purpose: "milliseconds of silence between TCP keep-alive probes; below the load balancer's idle timeout",
    schema: wholeNumber(1000, 3_600_000),
    fallback: "60000",
  },
  user: {
    purpose: "name that clients may give with AUTH and HELLO beside `default`",
    schema: name,
    fallback: "default",
  },
  password: {
    purpose: "password that clients give with AUTH and HELLO; several, comma-separated, while it is changed",
    schema: passwords,
    secret: true,
  },
  users: {
    purpose:
      'further users: [{"name","passwords":[…],"write":true,"database1":true,"flushall":true,"database1PerSecond":…}]',
    schema: users,
    fallback: "[]",
    secret: true,
  },
  clientNames: {
    purpose: "whether CLIENT SETINFO and CLIENT SETNAME are answered OK instead of refused: on or off",
    schema: onOff,
    fallback: "off",
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
  coalesce: {
    purpose:
      "whether the shim pauses for some 60 µs at a time while 20 or more clients wait for the cluster, so that their " +
      "requests share system calls: on or off",
    schema: onOff,
    fallback: "on",
  },
  maxPrivateLanes: {
    purpose:
      "connections to the cluster that serve one session each: blocking commands and large values; fewer where the limit of open files has no room for them beside the clients",
    schema: wholeNumber(1, 60_000),
    fallback: "1000",
  },
  upstreamTimeoutMs: {
    purpose: "milliseconds without an answer after which a connection to the cluster is given up",
    schema: wholeNumber(100, 600_000),
    fallback: "5000",
  },
  outputLimitBytes: {
    purpose:
      "bytes that may wait before a client is disconnected: replies it does not read, commands behind one that blocks",
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
  envelopeVersion: {
    purpose:
      "newest version of envelopes to write, and to have others write: an older one before going back to an older shim",
    schema: wholeNumber(1, NEWEST_ENVELOPE_VERSION),
    fallback: String(NEWEST_ENVELOPE_VERSION),
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
  outboxMode: {
    purpose:
      "when a command on database 1 is answered OK: once it is in the shim's memory, or published: once SNS has it",
    schema: z.enum(outboxModes, { error: `must be one of ${outboxModes.join(", ")}` }),
    fallback: "memory",
  },
  outboxMaxBytes: {
    purpose: "bytes of accepted commands that may wait for SNS before database 1 answers an error",
    schema: wholeNumber(MIB, 4096 * MIB),
    fallback: String(64 * MIB),
  },
  publishTimeoutMs: {
    purpose: "milliseconds that a command waits for SNS, in the mode published, before it is answered an error",
    schema: wholeNumber(100, 600_000),
    fallback: "5000",
  },
  invalidate: {
    purpose:
      "patterns of keys, comma-separated, as KEYS has them: database 1 sets these at home and deletes them elsewhere",
    schema: z.string().transform((text) => text.split(",").filter((pattern) => pattern !== "")),
    fallback: "",
  },
  horizonMs: {
    purpose: "milliseconds for which a region remembers at least what it has replayed; longer while a region is behind",
    schema: wholeNumber(1000, 86_400_000),
    fallback: "600000",
  },
  recordsMaxBytes: {
    purpose: "bytes of the cluster's memory up to which records of replays are kept while a region is behind",
    schema: wholeNumber(0, 1024 * 1024 * MIB),
    fallback: String(64 * MIB),
  },
  canaryIntervalMs: {
    purpose:
      "milliseconds between two canaries, by which regions know of each other and how far behind they are; 0: none, and records are kept for the horizon only",
    schema: wholeNumber(0, 60_000),
    fallback: "5000",
  },
  largeCommandMaxBytes: {
    purpose: "bytes that the large arguments of one command on database 1 may have together, which travel in chunks",
    schema: wholeNumber(MIB, 512 * MIB),
    fallback: String(512 * MIB),
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
} satisfies Record<VariableKey, Variable<unknown>>;
