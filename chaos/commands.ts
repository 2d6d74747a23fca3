// Random commands of every kind whose result is promised to be the same in every region, as far as the server has them.
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";
import { counter, smallKeys } from "./keys";
import type { Random } from "./random";

/** Makes a command on a key, its words apart by spaces. */
export type Write = (random: Random, key: string) => string;

/** Names of the commands that a server knows, in upper case. */
export type CommandNames = { has(name: string): boolean };

/** So many a region remembers. */
export const PURGES_KEPT = 64;

const value = (random: Random) => `v${random.below(50)}`;
const small = (random: Random) => String(random.below(7) - 3);
const element = (random: Random) => random.pick(["a", "b", "c", "d"]);
const elements = (random: Random) => random.pick(["1 a", "1 d", "2 a b", "3 b c d"]);
const end = (random: Random) => random.pick(["LEFT", "RIGHT"]);
const minOrMax = (random: Random) => random.pick(["MIN", "MAX"]);
/** IDs below those that `*` becomes: they exist where the stream began with one. */
const streamId = (random: Random) => `1-${1 + random.below(5)}`;
/** Above those, for a while. */
const laterId = (random: Random) => `99999999999999-${1 + random.below(5)}`;
/** After ten minutes, which pass while records are dropped, or after a day. */
const seconds = (random: Random) => String(random.pick([600, 86_400, 86_400]) + random.below(5));
/** Most expire long after the schedule, some within it. */
export const milliseconds = (random: Random) =>
  random.chance(0.2) ? String(1 + random.below(120)) : `${seconds(random)}000`;
/** In the past, and in the year 2100. */
const instant = (random: Random) =>
  String(random.chance(0.15) ? 1 + random.below(1000) : 4_102_444_800 + random.below(5));
const expiry = (random: Random) =>
  random.pick([
    ...[`PX ${milliseconds(random)}`, `EX ${seconds(random)}`],
    ...[`EXAT ${instant(random)}`, `PXAT ${instant(random)}000`],
  ]);
const condition = (random: Random) => random.pick(["", "", " NX", " XX", " GT", " LT"]);
/** What DUMP gives: "v7", and one or two elements. */
const dumps = {
  string: "0x000276370a000d501f4a99faa635",
  list: "0x1201020d0d0000000200816102816202ff0a0068eb0a891341bbb1",
  hash: "0x100c0c00000002008161020101ff0a0084a693e8aa17e4db",
  set: "0x0202016201610a0075d99d835ef85f65",
  sortedSet: "0x111111000000040081610201018162020201ff0a00ba07f224a9d28f55",
} as const;

function restore(type: keyof typeof dumps): Write {
  return (random, key) => `RESTORE ${key} ${random.pick(["0", milliseconds(random)])} ${dumps[type]}${replace(random)}`;
}

const replace = (random: Random) => random.pick(["", " REPLACE"]);

const strings: readonly Write[] = [
  (random, key) => `SET ${key} ${value(random)} ${random.pick(["NX", "XX", "KEEPTTL", "GET", "XX GET"])}`,
  (random, key) => `SET ${key} ${small(random)} ${random.pick(["KEEPTTL", "XX KEEPTTL", "KEEPTTL GET"])}`,
  (random, key) => `SET ${key} ${small(random)} ${random.pick(["NX", "XX", "GET"])} ${expiry(random)}`,
  (_, key) => `INCR ${key}`,
  (random, key) => `INCRBY ${key} ${small(random)}`,
  (_, key) => `DECR ${key}`,
  (random, key) => `DECRBY ${key} ${small(random)}`,
  (random, key) => `INCRBYFLOAT ${key} 0.${1 + random.below(9)}`,
  (random, key) => `APPEND ${key} ${random.below(10)}`,
  (random, key) => `SETRANGE ${key} ${random.below(6)} ${value(random)}`,
  (random, key) => `SETNX ${key} ${small(random)}`,
  (random, key) => `GETSET ${key} ${small(random)}`,
  (random, key) => `GETEX ${key} ${random.chance(0.2) ? "PERSIST" : expiry(random)}`,
  (random, key) => `SETBIT ${key} ${random.below(64)} ${random.below(2)}`,
  (random, key) => `BITFIELD ${key} INCRBY i8 ${random.below(16)} ${small(random)} OVERFLOW FAIL INCRBY u4 100 3`,
  (random, key) => `PFADD ${key} ${element(random)} ${value(random)}`,
  restore("string"),
];
const hashes: readonly Write[] = [
  (random, key) => `HSET ${key} ${element(random)} ${value(random)} ${element(random)} ${small(random)}`,
  (random, key) => `HMSET ${key} ${element(random)} ${value(random)}`,
  (random, key) => `HSETNX ${key} ${element(random)} ${value(random)}`,
  (random, key) => `HINCRBY ${key} ${element(random)} ${small(random)}`,
  (random, key) => `HINCRBYFLOAT ${key} ${element(random)} 1.5`,
  (random, key) => `HDEL ${key} ${element(random)}`,
  (random, key) => `HGETDEL ${key} FIELDS ${elements(random)}`,
  (random, key) => `HPEXPIRE ${key} ${milliseconds(random)}${condition(random)} FIELDS ${elements(random)}`,
  (random, key) => `HEXPIRE ${key} ${seconds(random)}${condition(random)} FIELDS ${elements(random)}`,
  (random, key) => `HEXPIREAT ${key} ${instant(random)} FIELDS ${elements(random)}`,
  (random, key) => `HPEXPIREAT ${key} ${instant(random)}000 FIELDS ${elements(random)}`,
  (random, key) => `HPERSIST ${key} FIELDS ${elements(random)}`,
  (random, key) =>
    `HSETEX ${key}${random.pick(["", " FNX", " FXX"])} PX ${milliseconds(random)} FIELDS 1 a ${value(random)}`,
  (random, key) => `HSETEX ${key} KEEPTTL FIELDS 2 b ${value(random)} c ${small(random)}`,
  (random, key) => `HGETEX ${key} ${random.pick(["PERSIST", `PX ${milliseconds(random)}`])} FIELDS ${elements(random)}`,
  restore("hash"),
];
const lists: readonly Write[] = [
  (random, key) => `LPUSH ${key} ${value(random)} ${element(random)}`,
  (random, key) => `RPUSH ${key} ${value(random)} ${element(random)}`,
  (random, key) => `LPUSHX ${key} ${value(random)}`,
  (random, key) => `RPUSHX ${key} ${value(random)}`,
  (_, key) => `LPOP ${key}`,
  (random, key) => `RPOP ${key} ${random.below(3)}`,
  (random, key) => `LSET ${key} 0 ${value(random)}`,
  (random, key) => `LINSERT ${key} BEFORE ${element(random)} ${value(random)}`,
  (random, key) => `LREM ${key} 1 ${element(random)}`,
  (_, key) => `LTRIM ${key} 0 5`,
  (random, key) => `LMOVE ${key} ${key} ${end(random)} ${end(random)}`,
  (_, key) => `RPOPLPUSH ${key} ${key}`,
  (random, key) => `LMPOP 1 ${key} ${end(random)}`,
  (random, key) => `${random.pick(["BLPOP", "BRPOP"])} ${key} 1`,
  (random, key) => `BLMOVE ${key} ${key} ${end(random)} ${end(random)} 1`,
  (_, key) => `BRPOPLPUSH ${key} ${key} 1`,
  (random, key) => `BLMPOP 1 1 ${key} ${end(random)} COUNT 2`,
  restore("list"),
];
const sets: readonly Write[] = [
  (random, key) => `SADD ${key} ${element(random)} ${value(random)}`,
  (random, key) => `SREM ${key} ${element(random)}`,
  restore("set"),
];
const sortedSets: readonly Write[] = [
  (random, key) => `ZADD ${key} ${small(random)} ${element(random)} ${small(random)} ${value(random)}`,
  (random, key) =>
    `ZADD ${key} ${random.pick(["NX", "XX", "GT", "LT CH", "INCR"])} ${small(random)} ${element(random)}`,
  (random, key) => `ZINCRBY ${key} ${small(random)} ${element(random)}`,
  (random, key) => `ZREM ${key} ${element(random)}`,
  (_, key) => `ZPOPMIN ${key}`,
  (_, key) => `ZPOPMAX ${key} 2`,
  (random, key) => `ZMPOP 1 ${key} ${minOrMax(random)}`,
  (random, key) => `${random.pick(["BZPOPMIN", "BZPOPMAX"])} ${key} 1`,
  (random, key) => `BZMPOP 1 1 ${key} ${minOrMax(random)}`,
  (_, key) => `ZREMRANGEBYSCORE ${key} -inf (0`,
  (_, key) => `ZREMRANGEBYRANK ${key} 3 -1`,
  (random, key) => `ZREMRANGEBYLEX ${key} [b [${element(random)}`,
  restore("sortedSet"),
];
const streams: readonly Write[] = [
  (random, key) => `XADD ${key} * f ${value(random)}`,
  (random, key) => `XADD ${key} ${streamId(random)} f ${value(random)}`,
  (random, key) => `XADD ${key} ${random.pick(["1-*", "1-*", laterId(random)])} f ${value(random)}`,
  (random, key) => `XADD ${key} MAXLEN ~ 3 * f ${value(random)}`,
  (_, key) => `XTRIM ${key} MAXLEN 2`,
  (random, key) => `XDEL ${key} ${streamId(random)}`,
  (random, key) => `XSETID ${key} ${random.pick([streamId, laterId])(random)}`,
  (_, key) => `XGROUP CREATE ${key} g 0 MKSTREAM`,
  (random, key) => `XGROUP CREATECONSUMER ${key} g ${element(random)}`,
  (random, key) => `XGROUP DELCONSUMER ${key} g ${element(random)}`,
  (random, key) => `XGROUP SETID ${key} g ${random.pick(["$", streamId(random)])}`,
  (_, key) => `XGROUP DESTROY ${key} g`,
  (random, key) => `XACK ${key} g ${streamId(random)}`,
];
const expiries: readonly Write[] = [
  (random, key) => `PEXPIRE ${key} ${milliseconds(random)}${condition(random)}`,
  (random, key) => `EXPIRE ${key} ${seconds(random)}${condition(random)}`,
  (random, key) => `EXPIREAT ${key} ${instant(random)}${condition(random)}`,
  (random, key) => `PEXPIREAT ${key} ${instant(random)}000${condition(random)}`,
  (_, key) => `PERSIST ${key}`,
];
const overwrites: readonly Write[] = [
  (random, key) => `SET ${key} ${value(random)}`,
  (random, key) => `SET ${key} ${small(random)}`,
  (random, key) => `SET ${key} ${small(random)} ${expiry(random)}`,
  (random, key) => `SETEX ${key} ${seconds(random)} ${small(random)}`,
  (random, key) => `PSETEX ${key} ${milliseconds(random)} ${small(random)}`,
  (random, key) => `MSET ${key} ${small(random)} shared ${value(random)}`,
  (_, key) => `DEL ${key}`,
  (_, key) => `UNLINK ${key} shared`,
  (_, key) => `GETDEL ${key}`,
];
const types = [strings, hashes, lists, sets, sortedSets, streams];

/** What FLY.PURGE is sent with: mostly a few keys match, sometimes one, none or all. */
const pattern = (random: Random, key: string) =>
  random.pick([
    ...[key, `${key.slice(0, -1)}?`, `${key.slice(0, -2)}*${key.slice(-1)}`, `*${key.slice(-1)}`, `\\${key}*`],
    ...[`key[${random.below(3)}-${2 + random.below(4)}]`, `key[^${random.below(6)}${random.below(6)}]`, "sh*d", "*e?4"],
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
    if (known.has(line.split(" ", 1).join())) return line;
  }
}

function anyCommand(random: Random, keys: readonly string[]): string {
  const key = random.pick(keys);
  const type = types[keys.indexOf(key)] ?? strings;
  if (random.chance(0.004)) return "FLUSHALL";
  if (random.chance(0.03)) return `${PURGE} ${pattern(random, key)}`;
  if (key === counter) return `INCR ${counter}`;
  if (random.chance(0.12)) return random.pick(overwrites)(random, key);
  if (random.chance(0.2)) return random.pick(expiries)(random, key);
  return random.pick(random.chance(0.03) ? random.pick(types) : type)(random, key);
}
