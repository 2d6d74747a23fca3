// Which commands over many arguments equal several commands over some of them each. Where the keys differ they go as
// those; on one key, the whole is sent, and run in slices.

import type { Slices } from "./replaySteps";

/** How a command is taken apart. */
export interface Split extends Slices {
  /** What may follow the arguments that each part begins with, and is in each part too. */
  readonly options: ReadonlySet<string>;
  /** Whether the parts are commands by themselves, each on keys of its own. */
  readonly apart: boolean;
}

const none: ReadonlySet<string> = new Set();

function named(names: string, split: Omit<Split, "options">, options = none): [string, Split][] {
  return names.split(" ").map((name) => [name, { ...split, options }]);
}

/** By the command's name in upper case. */
export const splits: ReadonlyMap<string, Split> = new Map([
  ...named("DEL UNLINK", { lead: 1, group: 1, apart: true }),
  ...named("MSET", { lead: 1, group: 2, apart: true }),
  ...named("HSET HMSET", { lead: 2, group: 2, apart: false }),
  ...named("ZADD", { lead: 2, group: 2, apart: false }, new Set(["NX", "XX", "GT", "LT", "CH"])),
  ...named("RPUSH LPUSH RPUSHX LPUSHX SADD SREM ZREM HDEL PFADD XDEL", { lead: 2, group: 1, apart: false }),
]);

/** Every option, INCR, a score and a member. */
const ZADD_BY_INCREMENT = 10;

/** How a command of so many arguments is taken apart. A ZADD of few may be one with INCR, which is no slice of anything. */
export function splitOf(name: string, argumentCount: number): Split | undefined {
  return name === "ZADD" && argumentCount <= ZADD_BY_INCREMENT ? undefined : splits.get(name);
}
