// Rules for who may see and change what is in ElastiCache: traffic and disks are encrypted, and users have passwords.
import * as aws from "@pulumi/aws";
import { type ResourceValidationPolicy, validateResourceOfType } from "@pulumi/policy";
import { type Demand, demanding } from "./judgement";

const { Cluster, ReplicationGroup, ServerlessCache, User } = aws.elasticache;

interface Transit {
  transitEncryptionEnabled?: boolean;
  transitEncryptionMode?: string;
  replicationGroupId?: string;
}

const transitEncryption: Demand<Transit> = (cache, { name, type }, report) => {
  // A cluster that joins a replication group is encrypted as the group is.
  if (type.endsWith(":Cluster") && cache.replicationGroupId !== undefined) return undefined;
  const { transitEncryptionEnabled, transitEncryptionMode } = cache;
  if (transitEncryptionEnabled === true && transitEncryptionMode !== "preferred") return undefined;
  report(`${name} ${transitEncryptionEnabled ? "also accepts" : "has"} connections in plain text. Require encryption.`);
  cache.transitEncryptionEnabled = true;
  if (transitEncryptionMode === "preferred") cache.transitEncryptionMode = "required";
  return cache;
};

/** Passwords and values cross the network. */
export const elasticacheEncryptedInTransit: ResourceValidationPolicy = {
  name: "elasticache-encrypted-in-transit",
  description: "Prevents whoever sees the network's traffic from reading passwords and users' data in it.",
  severity: "critical",
  remediationSteps: 'Set transitEncryptionEnabled to true, and transitEncryptionMode, where given, to "required".',
  ...demanding([ReplicationGroup, Cluster], transitEncryption),
};

/** Valkey encrypts by default, Redis does not. */
export const elasticacheEncryptedAtRest: ResourceValidationPolicy = {
  name: "elasticache-encrypted-at-rest",
  description: "Prevents cached data from lying in plain text on disks, where replication and swapping put it.",
  severity: "high",
  remediationSteps: "Set atRestEncryptionEnabled to true; it takes a new cluster.",
  ...demanding<{ atRestEncryptionEnabled?: boolean; engine?: string }>(
    [ReplicationGroup],
    (group, { name }, report) => {
      const { engine = "redis", atRestEncryptionEnabled = engine === "valkey" } = group;
      if (atRestEncryptionEnabled) return undefined;
      report(`${name} is not encrypted at rest. Set atRestEncryptionEnabled to true.`);
      group.atRestEncryptionEnabled = true;
      return group;
    },
  ),
};

/** Users can be told apart and revoked one by one; a token cannot. */
export const elasticacheUserGroup: ResourceValidationPolicy = {
  name: "elasticache-user-group",
  description:
    "Prevents everybody in the network from reading and purging the cache, and one leaked token, which is everybody's, " +
    "from having to be changed everywhere at once.",
  severity: "critical",
  remediationSteps: "Give the cache a user group whose users have passwords of their own, and no AUTH token.",
  validateResource: [
    validateResourceOfType(ReplicationGroup, ({ userGroupIds = [], authToken, authTokenWo }, { name }, report) => {
      if (authToken !== undefined || authTokenWo !== undefined) {
        report(`${name} has one token for all. Give it a user group instead.`);
      } else if (userGroupIds.length === 0) {
        report(`${name} admits everybody. Give it a user group.`);
      }
    }),
    validateResourceOfType(ServerlessCache, ({ userGroupId = "" }, { name }, report) => {
      if (userGroupId === "") report(`${name} admits everybody. Give it a user group.`);
    }),
  ],
};

/** A user group must have a user "default", which needs no password where it is off. */
export const elasticacheUserPassword: ResourceValidationPolicy = {
  name: "elasticache-user-password",
  description: "Prevents everybody in the network from becoming a user of the cache by its name alone.",
  severity: "critical",
  remediationSteps: 'Give the user a password, or turn it off with an access string that begins with "off".',
  validateResource: validateResourceOfType(
    User,
    ({ accessString, noPasswordRequired, authenticationMode }, { name }, report) => {
      if (isOff(accessString)) return;
      if (noPasswordRequired === true || authenticationMode?.type === "no-password-required") {
        report(`${name} needs no password. Give it one, or turn it off.`);
      }
    },
  ),
};

/** A list of what a user may do says what a stolen password is worth. */
export const elasticacheUserCommands: ResourceValidationPolicy = {
  name: "elasticache-user-commands",
  description:
    "Prevents a stolen password from being worth the whole server: a user that may do everything may also stop writes, " +
    "read other users' traffic and load scripts.",
  severity: "high",
  remediationSteps: "Begin the access string with -@all and add the categories and commands that the user needs.",
  validateResource: validateResourceOfType(User, ({ accessString }, { name }, report) => {
    if (isOff(accessString)) return;
    const word = accessString.split(/\s+/).find((each) => each === "+@all" || each === "allcommands");
    if (word) report(`${name} may use every command (${word}). Name those that it needs.`);
  }),
};

function isOff(accessString: string): boolean {
  return accessString.split(/\s+/).includes("off");
}
