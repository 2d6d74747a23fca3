// The keys of every schedule.
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";

/** Types of values that have a key each: strings, hashes, lists, sets, sorted sets, streams. */
const TYPES = 6;

const ofEachType = (name: string) => Array.from({ length: TYPES }, (_, index) => `${name}${index}`);

/** Only ever counts up, so that increments which a region has lost show themselves. */
export const counter = "counter";

/** Keys of which each is mostly of one type, so that commands mostly succeed. */
export const smallKeys: readonly string[] = [...ofEachType("key"), "shared", counter];

/** The same for large commands. Regional writes leave them alone: of a large value a journal knows the size only. */
export const largeKeys: readonly string[] = ofEachType("large");

/** Keys of commands that are taken apart: so long that few of them fill an envelope. */
export const manyKeys: readonly string[] = Array.from({ length: 28 }, (_, index) => `many${index}`.padEnd(100, "."));

/** All of them. */
export const keys: readonly string[] = [...smallKeys, ...largeKeys, ...manyKeys];

/** Those that a command may change. */
export function keysIn(words: readonly Buffer[]): readonly string[] {
  if (String(words[0]) === PURGE) return keys.filter((key) => expressionOf(String(words[1])).test(key));
  const texts = new Set(words.map((word) => word.toString("latin1")));
  return /^FLUSH/.test(String(words[0])) ? keys : keys.filter((key) => texts.has(key));
}

/** What a pattern means, as far as schedules have them; a model that reads them otherwise would show. */
function expressionOf(pattern: string): RegExp {
  const parts = pattern.match(/\\.|\[[^\]]*\]|./g) ?? [];
  const expressions = parts.map((part) => {
    if (part === "*" || part === "?") return part === "*" ? ".*" : ".";
    return part.startsWith("[") ? part : part.slice(-1).replace(/\W/, "\\$&");
  });
  return new RegExp(`^${expressions.join("")}$`);
}
