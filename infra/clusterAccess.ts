// What shims may do in a cluster, as an ACL: all that they pass on and what replay needs. Commands that ElastiCache keeps
// to itself must not be named, not even to be refused:
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
// Replay and clocks: scripts, what they count the time by, and what a purge of everything becomes.
const replayCommands = ["eval", "evalsha", "script|load", "script|exists", "time"];

// Called dangerous, as MIGRATE and SWAPDB are, and passed on or replayed all the same.
const dangerousCommands = ["keys", "flushall", "flushdb", "restore", "sort_ro"];

// Asked once per connection. Drivers send CLIENT SETINFO too, and do not mind that it is refused.
const connectionCommands = ["hello", "select", "ping", "command", "info"];

/** Name of the clusters' one user. */
export const clusterUser = "shim";

/** The access string of the clusters' user. */
export const clusterAccess = [
  "on",
  "~*",
  "-@all",
  "+@read",
  "+@write",
  "-@dangerous",
  ...[...dangerousCommands, ...replayCommands, ...connectionCommands].map((command) => `+${command}`),
].join(" ");
