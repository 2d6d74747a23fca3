// Cases of the rules for who may see and change what is in ElastiCache.
import { samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { cluster, replicationGroup, serverlessCache } from "./elasticache";

const user = samplesOf("aws:elasticache/user:User", "shim", {
  region: "eu-west-1",
  engine: "valkey",
  accessString: "on ~* -@all +@read +@write",
  authenticationMode: { type: "password", passwords: ["long and random"] },
});

const open = "shim needs no password. Give it one, or turn it off.";

export const elasticacheAccessCases: Readonly<Record<string, Cases>> = {
  "elasticache-encrypted-in-transit": {
    right: [replicationGroup(), replicationGroup({ transitEncryptionMode: "required" }), cluster()],
    wrong: [
      [
        "cache has connections in plain text. Require encryption.",
        replicationGroup({ transitEncryptionEnabled: false }),
      ],
      [
        "cache also accepts connections in plain text. Require encryption.",
        replicationGroup({ transitEncryptionMode: "preferred" }),
      ],
      ["node has connections in plain text. Require encryption.", cluster({ transitEncryptionEnabled: false })],
    ],
    absent: [
      "cache has connections in plain text. Require encryption.",
      replicationGroup({ transitEncryptionEnabled: undefined }),
    ],
    notApplicable: cluster({ transitEncryptionEnabled: undefined, replicationGroupId: "cache" }),
    unknown: replicationGroup({ transitEncryptionEnabled: unknown }),
  },
  "elasticache-encrypted-at-rest": {
    right: [replicationGroup(), replicationGroup({ atRestEncryptionEnabled: undefined })],
    wrong: [
      [
        "cache is not encrypted at rest. Set atRestEncryptionEnabled to true.",
        replicationGroup({ atRestEncryptionEnabled: false }),
      ],
    ],
    absent: [
      "cache is not encrypted at rest. Set atRestEncryptionEnabled to true.",
      replicationGroup({ engine: "redis", atRestEncryptionEnabled: undefined }),
    ],
    notApplicable: serverlessCache({ atRestEncryptionEnabled: false }),
    unknown: replicationGroup({ atRestEncryptionEnabled: unknown }),
  },
  "elasticache-user-group": {
    right: [replicationGroup(), replicationGroup({ userGroupIds: [unknown] }), serverlessCache()],
    wrong: [
      [
        "cache has one token for all. Give it a user group instead.",
        replicationGroup({ userGroupIds: undefined, authToken: "everybody's" }),
      ],
      ["cache admits everybody. Give it a user group.", replicationGroup({ userGroupIds: [] })],
      ["serverless admits everybody. Give it a user group.", serverlessCache({ userGroupId: undefined })],
    ],
    absent: ["cache admits everybody. Give it a user group.", replicationGroup({ userGroupIds: undefined })],
    notApplicable: cluster(),
    unknown: replicationGroup({ userGroupIds: unknown }),
  },
  "elasticache-user-password": {
    right: [user()],
    wrong: [
      [open, user({ noPasswordRequired: true })],
      [open, user({ authenticationMode: { type: "no-password-required" } })],
    ],
    absent: user({ authenticationMode: undefined, passwords: ["long and random"] }),
    notApplicable: user({ accessString: "off ~* +@all", noPasswordRequired: true }),
    unknown: user({ noPasswordRequired: unknown }),
  },
  "elasticache-user-commands": {
    right: [user()],
    wrong: [
      ["shim may use every command (+@all). Name those that it needs.", user({ accessString: "on ~* +@all" })],
      [
        "shim may use every command (allcommands). Name those that it needs.",
        user({ accessString: "on ~* allcommands" }),
      ],
    ],
    absent: user({ accessString: "on ~*" }),
    notApplicable: user({ accessString: "off ~* +@all" }),
    unknown: user({ accessString: unknown }),
  },
};
