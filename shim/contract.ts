// The one module that the shim, the infrastructure and the policy pack share: which commands are refused, and the
// names of the environment variables that carry a shim's configuration. It imports nothing, so that anybody can load it.

/**
 * Commands that the service has always refused, on both databases. Names are upper case; a container command such as
 * CLIENT stands for all of its subcommands.
 */
export const documentedRefusals = {
  pubsub: ["PSUBSCRIBE", "PUBLISH", "PUBSUB", "PUNSUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE"],
  transactions: ["DISCARD", "EXEC", "MULTI"],
  keyspace: ["MOVE", "RANDOMKEY", "SORT", "DBSIZE", "FLUSHDB"],
  server: ["TIME", "CLIENT", "CONFIG", "MONITOR", "SLOWLOG", "SWAPDB", "MEMORY", "LOLWUT"],
  scripting: ["EVAL", "EVALSHA", "SCRIPT"],
  geo: ["GEOADD", "GEOHASH", "GEOPOS", "GEORADIUS", "GEORADIUSBYMEMBER"],
} as const satisfies Record<string, readonly string[]>;

/**
 * Commands refused because they are kin of the documented ones: newer forms of them, or ways to manage the server.
 * Some groups can be allowed by name with `FLY_REDIS_ALLOW_GROUPS`: see {@link switchableGroups}.
 */
export const kindredRefusals = {
  pubsub: ["SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE"],
  transactions: ["WATCH", "UNWATCH"],
  keyspace: ["SORT_RO"],
  scripting: ["EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "FUNCTION"],
  geo: ["GEODIST", "GEOSEARCH", "GEOSEARCHSTORE", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO"],
  administration: [
    "ACL",
    "ASKING",
    "BACKUP",
    "BGREWRITEAOF",
    "BGSAVE",
    "CLUSTER",
    "COMMANDLOG",
    "DEBUG",
    "FAILOVER",
    "HOTKEYS",
    "LASTSAVE",
    "LATENCY",
    "MIGRATE",
    "MODULE",
    "PFDEBUG",
    "PFSELFTEST",
    "PSYNC",
    "REPLCONF",
    "REPLICAOF",
    "RESTORE-ASKING",
    "ROLE",
    "SAVE",
    "SENTINEL",
    "SHUTDOWN",
    "SLAVEOF",
    "SYNC",
    "TRIMSLOTS",
  ],
} as const satisfies Record<string, readonly string[]>;

/** A group of {@link kindredRefusals}. */
export type KindredGroup = keyof typeof kindredRefusals;

/**
 * Groups of {@link kindredRefusals} that an operator may allow. The others would break what the shim is built on: state
 * bound to a connection, the server's administration, and scripts, which can reach the records of replays.
 */
export const switchableGroups = ["keyspace", "geo"] as const satisfies readonly KindredGroup[];

/** A group that an operator may allow. */
export type SwitchableGroup = (typeof switchableGroups)[number];

/** Refused because their meaning is bound to one upstream connection; WAIT has one of its own on database 1. */
export const regionalRefusals = ["HIMPORT", "WAIT", "WAITAOF"] as const;

/** When a command on database 1 is answered OK: once it is in the shim's memory, or once SNS has it. */
export const outboxModes = ["memory", "published"] as const;

/** One of {@link outboxModes}. */
export type OutboxMode = (typeof outboxModes)[number];

/** The one environment variable that an application reads: `redis://user:password@host:port`. */
export const cacheUrlVariable = "FLY_REDIS_CACHE_URL";

/** The newest version of envelopes that shims read; they write the oldest that can say what there is to say. */
export const NEWEST_ENVELOPE_VERSION = 2;

/** Names of the environment variables that configure a shim; `shim/configuration.ts` gives their meaning. */
export const shimVariables = {
  region: "FLY_REDIS_REGION",
  host: "FLY_REDIS_HOST",
  port: "FLY_REDIS_PORT",
  operationsHost: "FLY_REDIS_OPERATIONS_HOST",
  operationsPort: "FLY_REDIS_OPERATIONS_PORT",
  typedPort: "FLY_REDIS_TYPED_PORT",
  tlsCertificate: "FLY_REDIS_TLS_CERTIFICATE",
  tlsKey: "FLY_REDIS_TLS_KEY",
  maxClients: "FLY_REDIS_MAX_CLIENTS",
  idleTimeoutMs: "FLY_REDIS_IDLE_TIMEOUT_MS",
  maxAgeMs: "FLY_REDIS_MAX_AGE_MS",
  keepAliveMs: "FLY_REDIS_KEEP_ALIVE_MS",
  user: "FLY_REDIS_USER",
  password: "FLY_REDIS_PASSWORD",
  users: "FLY_REDIS_USERS",
  allowGroups: "FLY_REDIS_ALLOW_GROUPS",
  clientNames: "FLY_REDIS_CLIENT_NAMES",
  clusterUrl: "FLY_REDIS_CLUSTER_URL",
  lanesPerProtocol: "FLY_REDIS_LANES_PER_PROTOCOL",
  coalesce: "FLY_REDIS_COALESCE",
  maxPrivateLanes: "FLY_REDIS_MAX_PRIVATE_LANES",
  upstreamTimeoutMs: "FLY_REDIS_UPSTREAM_TIMEOUT_MS",
  outputLimitBytes: "FLY_REDIS_OUTPUT_LIMIT_BYTES",
  topicArn: "FLY_REDIS_TOPIC_ARN",
  queueUrl: "FLY_REDIS_QUEUE_URL",
  deadLetterQueueUrl: "FLY_REDIS_DEAD_LETTER_QUEUE_URL",
  busEndpoint: "FLY_REDIS_BUS_ENDPOINT",
  envelopeKeys: "FLY_REDIS_ENVELOPE_KEYS",
  envelopeVersion: "FLY_REDIS_ENVELOPE_VERSION",
  envelopeMaxBytes: "FLY_REDIS_ENVELOPE_MAX_BYTES",
  publishIntervalMs: "FLY_REDIS_PUBLISH_INTERVAL_MS",
  outboxMode: "FLY_REDIS_OUTBOX_MODE",
  outboxMaxBytes: "FLY_REDIS_OUTBOX_MAX_BYTES",
  publishTimeoutMs: "FLY_REDIS_PUBLISH_TIMEOUT_MS",
  invalidate: "FLY_REDIS_INVALIDATE",
  horizonMs: "FLY_REDIS_HORIZON_MS",
  recordsMaxBytes: "FLY_REDIS_RECORDS_MAX_BYTES",
  largeCommandMaxBytes: "FLY_REDIS_LARGE_COMMAND_MAX_BYTES",
  canaryIntervalMs: "FLY_REDIS_CANARY_INTERVAL_MS",
  drainTimeoutMs: "FLY_REDIS_DRAIN_TIMEOUT_MS",
  logLevel: "FLY_REDIS_LOG_LEVEL",
} as const;
