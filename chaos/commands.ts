// Chooses random commands among those that are promised to converge, as far as the server has them: mostly such as find
// something to change.
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";
import { counter, smallKeys, typeOf, type ValueType, valueTypes } from "./keys";
import type { Random } from "./random";
import { deletions, expiries, overwrites, type Write, writes } from "./writes";

/** Names of the commands that a server knows, in upper case. */
export type CommandNames = { has(name: string): boolean };

/** So many a region remembers. */
export const PURGES_KEPT = 64;

/** What FLY.PURGE is sent with: mostly a few keys match, sometimes one, none or all. */
const pattern = (random: Random, key: string) =>
  random.pick([
    ...[key, `${key.slice(0, -1)}?`, `${key.slice(0, -2)}*${key.slice(-1)}`, `*${key.slice(-1)}`, `\\${key}*`],
    ...[`key[${random.below(4)}-${3 + random.below(6)}]`, `key[^${random.below(9)}${random.below(9)}]`, "sh*d", "*e?4"],
    ...["large[024]", "l*[1-3]", `many${1 + random.below(2)}*`, "[^c]*", "*", "none*"],
  ]);

/** So many purges that a region forgets the older ones before their time: of what is older still nothing may be left. */
export function manyPurges(random: Random): readonly string[] {
  const key = random.pick(smallKeys);
  const patterns = [pattern(random, key), ...Array.from({ length: PURGES_KEPT }, (_, index) => `none${index}*`)];
  return patterns.map((each) => `${PURGE} ${each}`);
}

/** A command of a kind that converges, and that the server knows, on one of the keys. */
export function randomCommand(random: Random, known: CommandNames, keys = smallKeys): string {
  for (;;) {
    const line = anyCommand(random, keys).trim();
    if (!known.has(line.split(" ", 1).join())) continue;
    // Of options the server does not tell: it has this one where it has that command.
    if (!line.includes(" IFEQ ") || known.has("DELIFEQ")) return line;
  }
}

function anyCommand(random: Random, keys: readonly string[]): string {
  const key = random.pick(keys);
  if (random.chance(0.004)) return "FLUSHALL";
  if (random.chance(0.03)) return `${PURGE} ${pattern(random, key)}`;
  if (key === counter) return `INCR ${counter}`;
  return random.pick(kind(random, typeOf(key)))(random, key);
}

/** Most commands are for the key's type, most of the others leave it its type, and what fills it comes before what takes. */
function kind(random: Random, type: ValueType): readonly Write[] {
  const isString = type === "text" || type === "number";
  if (random.chance(isString ? 0.1 : 0.05)) return random.chance(isString ? 0.7 : 0.1) ? overwrites : deletions;
  if (random.chance(0.15)) return expiries;
  const { adds, changes } = writes[random.chance(0.03) ? random.pick(valueTypes) : type];
  return random.chance(0.6) ? adds : changes;
}
