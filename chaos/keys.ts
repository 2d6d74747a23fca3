// The keys of every schedule.
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";

/** What values are, as far as commands care: what one kind of command makes is of no use to most of the others. */
export type ValueType = (typeof valueTypes)[number];

/** By the digits of their keys. A numbered stream has entries with low IDs, which commands can name. */
export const valueTypes = [
  ...(["text", "hash", "list", "set", "sortedSet", "stream", "hyperLogLog", "numberedStream"] as const),
  "number",
] as const;

const ofEachType = (name: string, types: readonly ValueType[]) => types.map((_, index) => `${name}${index}`);

/** Only ever counts up, so that increments which a region has lost show themselves. */
export const counter = "counter";

/** Keys of which each is mostly of one type, so that commands mostly succeed. */
export const smallKeys: readonly string[] = [...ofEachType("key", valueTypes), "shared", counter];

/**
 * The same for large commands; no number is large. Regional writes leave them alone: of a large value a journal knows the
 * size only.
 */
export const largeKeys: readonly string[] = ofEachType("large", valueTypes.slice(0, -1));

/** Keys of commands that are taken apart: so long that few of them fill an envelope. */
export const manyKeys: readonly string[] = Array.from({ length: 28 }, (_, index) => `many${index}`.padEnd(100, "."));

/** All of them. */
export const keys: readonly string[] = [...smallKeys, ...largeKeys, ...manyKeys];

/** What a key is mostly of. */
export function typeOf(key: string): ValueType {
  return valueTypes[Number(/^(?:key|large)(\d)$/.exec(key)?.[1])] ?? "text";
}

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
