// Who may connect, and what each may do. Users are the shim's own: lanes to the cluster carry one identity for all.
import { timingSafeEqual } from "node:crypto";
import type { User } from "../configuration";
import { isWrite, purgeCommand } from "./policy";
import type { CommandSpecification } from "./specification";

/** A user as sessions see it. */
export interface Principal extends User {
  /** Whether a write on database 1 is within the user's limit now; takes one if so. */
  takeTurn(): boolean;
}

/** They delete what others have written, and need the right to FLUSHALL. */
const wholesaleDeletions: ReadonlySet<string> = new Set(["FLUSHALL", purgeCommand.name]);

export class Users {
  private readonly principals: ReadonlyMap<string, Principal>;

  /** @param users the first is also whom `default` means, unless another bears that name */
  constructor(users: readonly [User, ...User[]], now: () => number = () => performance.now()) {
    const principals = users.map((user) => principal(user, now));
    this.principals = new Map([
      ...principals.slice(0, 1).map((first): [string, Principal] => ["default", first]),
      ...principals.map((each): [string, Principal] => [each.name, each]),
    ]);
  }

  /** @returns undefined where there is no such user or the password is not one of the user's */
  authenticate(name: string, password: Buffer): Principal | undefined {
    const user = this.principals.get(name);
    return user?.passwords.some((known) => isSame(password, Buffer.from(known))) ? user : undefined;
  }
}

/** Why a user may not send a command, in Redis's words; undefined where it may. */
export function prohibition(user: User, command: CommandSpecification): string | undefined {
  const allowed = (user.write || !isWrite(command)) && (user.flushall || !wholesaleDeletions.has(command.name));
  return allowed ? undefined : noPermission(user, `run the '${command.name.toLowerCase()}' command`);
}

/** Redis's error for what a user may not do. */
export function noPermission(user: User, deed: string): string {
  return `NOPERM User ${user.name} has no permissions to ${deed}`;
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Turns come back evenly; unused ones are kept for a second. */
function principal(user: User, now: () => number): Principal {
  const perSecond = user.database1PerSecond;
  if (perSecond === undefined) return { ...user, takeTurn: () => true };
  let turns = perSecond;
  let countedAt = now();
  return {
    ...user,
    takeTurn() {
      const at = now();
      turns = Math.min(perSecond, turns + ((at - countedAt) / 1000) * perSecond);
      countedAt = at;
      if (turns < 1) return false;
      turns--;
      return true;
    },
  };
}
