// Random commands of every kind whose result is promised to be the same in every region.
import type { Random } from "./random";

type Write = (random: Random, key: string) => string;

const value = (random: Random) => `v${random.below(50)}`;
const small = (random: Random) => String(random.below(7) - 3);
const element = (random: Random) => random.pick(["a", "b", "c", "d"]);
const end = (random: Random) => random.pick(["LEFT", "RIGHT"]);
/** Most expire long after the schedule, some within it. */
const milliseconds = (random: Random) => String(random.chance(0.3) ? 1 + random.below(120) : 600_000);
const condition = (random: Random) => random.pick(["", "", " NX", " XX", " GT", " LT"]);

const strings: readonly Write[] = [
  (random, key) => `SET ${key} ${value(random)} ${random.pick(["NX", "XX", "KEEPTTL", "GET", "XX GET"])}`,
  (random, key) => `SET ${key} ${small(random)} ${random.pick(["NX", "XX"])} PX ${milliseconds(random)}`,
  (_, key) => `INCR ${key}`,
  (random, key) => `INCRBY ${key} ${small(random)}`,
  (_, key) => `DECR ${key}`,
  (random, key) => `DECRBY ${key} ${small(random)}`,
  (random, key) => `INCRBYFLOAT ${key} 0.${1 + random.below(9)}`,
  (random, key) => `APPEND ${key} ${random.below(10)}`,
  (random, key) => `SETRANGE ${key} ${random.below(6)} ${value(random)}`,
  (random, key) => `SETNX ${key} ${small(random)}`,
  (random, key) => `GETSET ${key} ${small(random)}`,
  (random, key) => `GETEX ${key} ${random.pick(["PERSIST", `PX ${milliseconds(random)}`])}`,
  (random, key) => `SETBIT ${key} ${random.below(64)} ${random.below(2)}`,
  (random, key) => `BITFIELD ${key} INCRBY i8 ${random.below(16)} ${small(random)} OVERFLOW FAIL INCRBY u4 100 3`,
  (random, key) => `PFADD ${key} ${element(random)} ${value(random)}`,
];
const hashes: readonly Write[] = [
  (random, key) => `HSET ${key} ${element(random)} ${value(random)} ${element(random)} ${small(random)}`,
  (random, key) => `HSETNX ${key} ${element(random)} ${value(random)}`,
  (random, key) => `HINCRBY ${key} ${element(random)} ${small(random)}`,
  (random, key) => `HINCRBYFLOAT ${key} ${element(random)} 1.5`,
  (random, key) => `HDEL ${key} ${element(random)}`,
];
const lists: readonly Write[] = [
  (random, key) => `LPUSH ${key} ${value(random)} ${element(random)}`,
  (random, key) => `RPUSH ${key} ${value(random)} ${element(random)}`,
  (random, key) => `RPUSHX ${key} ${value(random)}`,
  (_, key) => `LPOP ${key}`,
  (random, key) => `RPOP ${key} ${random.below(3)}`,
  (random, key) => `LSET ${key} 0 ${value(random)}`,
  (random, key) => `LINSERT ${key} BEFORE ${element(random)} ${value(random)}`,
  (random, key) => `LREM ${key} 1 ${element(random)}`,
  (_, key) => `LTRIM ${key} 0 5`,
  (random, key) => `LMOVE ${key} ${key} ${end(random)} ${end(random)}`,
  (random, key) => `LMPOP 1 ${key} ${end(random)}`,
  (_, key) => `BLPOP ${key} 1`,
];
const sets: readonly Write[] = [
  (random, key) => `SADD ${key} ${element(random)} ${value(random)}`,
  (random, key) => `SREM ${key} ${element(random)}`,
];
const sortedSets: readonly Write[] = [
  (random, key) => `ZADD ${key} ${small(random)} ${element(random)} ${small(random)} ${value(random)}`,
  (random, key) =>
    `ZADD ${key} ${random.pick(["NX", "XX", "GT", "LT CH", "INCR"])} ${small(random)} ${element(random)}`,
  (random, key) => `ZINCRBY ${key} ${small(random)} ${element(random)}`,
  (random, key) => `ZREM ${key} ${element(random)}`,
  (_, key) => `ZPOPMIN ${key}`,
  (_, key) => `ZPOPMAX ${key} 2`,
  (_, key) => `ZREMRANGEBYSCORE ${key} -inf (0`,
  (_, key) => `ZREMRANGEBYRANK ${key} 3 -1`,
];
const streams: readonly Write[] = [
  (random, key) => `XADD ${key} * f ${value(random)}`,
  (random, key) => `XADD ${key} MAXLEN ~ 3 * f ${value(random)}`,
  (_, key) => `XTRIM ${key} MAXLEN 2`,
  (_, key) => `XGROUP CREATE ${key} g 0 MKSTREAM`,
];
const expiries: readonly Write[] = [
  (random, key) => `PEXPIRE ${key} ${milliseconds(random)}${condition(random)}`,
  (random, key) => `EXPIRE ${key} 600${condition(random)}`,
  (_, key) => `PERSIST ${key}`,
];
const overwrites: readonly Write[] = [
  (random, key) => `SET ${key} ${value(random)}`,
  (random, key) => `SET ${key} ${small(random)}`,
  (random, key) => `SET ${key} ${value(random)} PX ${milliseconds(random)}`,
  (random, key) => `SETEX ${key} 600 ${small(random)}`,
  (random, key) => `MSET ${key} ${small(random)} shared ${value(random)}`,
  (_, key) => `DEL ${key}`,
  (_, key) => `UNLINK ${key} shared`,
  (_, key) => `GETDEL ${key}`,
];
const types = [strings, hashes, lists, sets, sortedSets, streams];

/** Keys of a schedule: each is mostly of one type, so that commands mostly succeed. */
export const keys: readonly string[] = [...types.map((_, index) => `key${index}`), "shared"];

/** A command of a kind that converges. */
export function randomCommand(random: Random): string {
  const key = random.pick(keys);
  const type = types[keys.indexOf(key)] ?? strings;
  if (random.chance(0.004)) return "FLUSHALL";
  if (random.chance(0.12)) return random.pick(overwrites)(random, key);
  if (random.chance(0.12)) return random.pick(expiries)(random, key);
  return random.pick(random.chance(0.03) ? random.pick(types) : type)(random, key);
}
