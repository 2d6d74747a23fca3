// Random commands that are too large for one envelope of the fabric: with a large argument, with many arguments, or on many
// keys. They stay within what is promised to converge: all that they make of a key fits into a journal.
import type { CommandNames } from "./commands";
import { largeKeys, manyKeys } from "./keys";
import { Random } from "./random";
import { higherId, milliseconds, type Write } from "./writes";

/** Size of a bus message: small, so that large commands are. */
export const ENVELOPE_BYTES = 3072;
/** What all large arguments on one key may have together: a journal keeps 64 KiB. */
const KEY_MAX_BYTES = 48 * 1024;
const MEMBERS = 60;
const FIELDS = 45;
/** More than the replay script runs at once. */
const SLICED = 1100;

/** Two to five kilobytes; the seed tells them apart. */
const large = (random: Random) => `@${2300 + random.below(2700)}.${random.below(1000)}`;
const members = (random: Random) => `#members.${MEMBERS}.${random.below(MEMBERS)}`;
const fields = (random: Random) => `#fields.${FIELDS}.${random.below(FIELDS)}`;
const scores = (random: Random) => `#scores.${FIELDS}.${random.below(FIELDS)}`;
const points = (random: Random) => `#points.${SLICED}.${random.below(SLICED)}`;
/** The server refuses the one or the other. */
const lastPoint = (random: Random) => random.pick(["1 last", "x last", "NX NX"]);

/** By the type of their key, in the order of {@link largeKeys}. */
const writes: readonly (readonly Write[])[] = [
  [
    (random, key) => `SET ${key} ${large(random)}`,
    (random, key) => `SET ${key} ${large(random)} PX ${milliseconds(random)}`,
    (random, key) => `PSETEX ${key} ${milliseconds(random)} ${large(random)}`,
    (random, key) => `SET ${key} ${large(random)} ${random.pick(["NX", "XX", "KEEPTTL", "GET"])}`,
    (random, key) => `GETSET ${key} ${large(random)}`,
    (random, key) => `SETNX ${key} ${large(random)}`,
    (random, key) => `APPEND ${key} ${large(random)}`,
    (random, key) => `SETRANGE ${key} ${random.below(3000)} ${large(random)}`,
    (random, key) => `MSET ${key} ${large(random)} shared ${random.below(50)}`,
  ],
  [
    (random, key) => `HSET ${key} a ${large(random)} b ${random.below(50)}`,
    (random, key) => `HSETNX ${key} ${random.pick(["a", "c"])} ${large(random)}`,
    (random, key) => `HSET ${key} ${fields(random)}`,
    (random, key) => `HDEL ${key} ${members(random)}`,
    (random, key) => `HSETEX ${key} PX ${milliseconds(random)} FIELDS 1 d ${large(random)}`,
  ],
  [
    (random, key) => `RPUSH ${key} ${large(random)}`,
    (random, key) => `LPUSH ${key} a ${large(random)} b`,
    (random, key) => `RPUSH ${key} ${members(random)}`,
    (random, key) => `LSET ${key} 0 ${large(random)}`,
    (random, key) => `LINSERT ${key} BEFORE a ${large(random)}`,
  ],
  [
    (random, key) => `SADD ${key} a ${large(random)}`,
    (random, key) => `SADD ${key} ${members(random)}`,
    (random, key) => `SREM ${key} ${members(random)}`,
  ],
  [
    (random, key) => `ZADD ${key} 1 a 2 ${large(random)}`,
    (random, key) => `ZADD ${key} ${random.pick(["NX", "XX", "GT", "LT CH"])} ${scores(random)}`,
    (random, key) => `ZADD ${key} ${scores(random)}`,
    (random, key) => `ZADD ${key} ${points(random)} ${lastPoint(random)}`,
    (random, key) => `ZREM ${key} ${members(random)}`,
  ],
  [(random, key) => `XADD ${key} * f ${large(random)}`, (random, key) => `XADD ${key} MAXLEN 2 * f ${large(random)}`],
  [(random, key) => `PFADD ${key} ${members(random)}`],
  [
    (random, key) => `XADD ${key} ${higherId(random)} f ${large(random)}`,
    (random, key) => `XADD ${key} MINID 3 ${higherId(random)} f ${large(random)}`,
  ],
];
/** Taken apart into commands on some of the keys each. */
const onManyKeys: readonly Write[] = [
  (random) => `MSET #values.${manyKeys.length}.${random.below(1000)}`,
  (random) => `${random.pick(["DEL", "UNLINK"])} #keys.${manyKeys.length}.0`,
];

const member = (index: number) => `member ${index}`.padEnd(48, "-");

/** What stands for many words, by its name. */
const manyWords: Readonly<Record<string, (count: number, seed: number) => readonly string[]>> = {
  members: (count, seed) => range(count).map((index) => member(seed + index)),
  fields: (count, seed) => range(count).flatMap((index) => [member(seed + index), String(seed)]),
  scores: (count, seed) => range(count).flatMap((index) => [String(index - seed), member(seed + index)]),
  points: (count, seed) => range(count).flatMap((index) => [String(index), `p${(seed + index) % count}`]),
  values: (count, seed) => range(count).flatMap((index) => [manyKeys[index] ?? "", `v${seed}`]),
  keys: (count) => manyKeys.slice(0, count),
};

function range(count: number): readonly number[] {
  return [...Array(count).keys()];
}

/** Makes the large commands of one schedule. */
export class LargeCommands {
  private readonly bytes = new Map<string, number>();

  constructor(
    private readonly random: Random,
    private readonly known: CommandNames,
    /** Of {@link largeKeys}. */
    private readonly keys = largeKeys,
  ) {}

  /** One that the server knows, on a key that has room for it; undefined where there is none. */
  next(): string | undefined {
    const { random, known, bytes } = this;
    if (random.chance(0.2)) return random.pick(onManyKeys)(random, "");
    const key = random.pick(this.keys);
    const line = random.pick(writes[largeKeys.indexOf(key)] ?? [])(random, key);
    const sum = (bytes.get(key) ?? 0) + Number(/@(\d+)/.exec(line)?.[1] ?? 0);
    if (!known.has(line.split(" ", 1).join()) || sum > KEY_MAX_BYTES) return undefined;
    bytes.set(key, sum);
    return line;
  }
}

/**
 * The words of a command. One that begins with `0x` stands for bytes, `@<bytes>.<seed>` for a large argument, and
 * `#<kind>.<count>.<seed>` for many words.
 */
export function wordsOf(line: string): Buffer[] {
  return line.split(" ").flatMap((word) => {
    if (word.startsWith("0x")) return Buffer.from(word.slice(2), "hex");
    const [, size, seed] = /^@(\d+)\.(\d+)$/.exec(word) ?? [];
    if (size !== undefined) return filler(Number(size), Number(seed));
    const [, kind = "", count, from] = /^#(\w+)\.(\d+)\.(\d+)$/.exec(word) ?? [];
    const words = manyWords[kind]?.(Number(count), Number(from)) ?? [word];
    return words.map((each) => Buffer.from(each));
  });
}

/** No part of it equals another: chunks in a wrong place show themselves. */
function filler(bytes: number, seed: number): Buffer {
  const random = new Random(seed);
  return Buffer.from(Array.from({ length: bytes }, () => 97 + random.below(26)));
}
