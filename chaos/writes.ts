// Random commands by the type of value that they are for: all kinds whose result is promised to be the same in every
// region.
import { dumps } from "./dumps";
import type { ValueType } from "./keys";
import type { Random } from "./random";

/** Makes a command on a key, its words apart by spaces. */
export type Write = (random: Random, key: string) => string;

/** What fills a value, and what may find something in it to change. */
export interface Writes {
  readonly adds: readonly Write[];
  readonly changes: readonly Write[];
}

const value = (random: Random) => `v${random.below(50)}`;
const small = (random: Random) => String(random.below(7) - 3);
/** Often the same, for what compares. */
const plain = (random: Random) => (random.chance(0.5) ? "7" : small(random));
const element = (random: Random) => random.pick(["a", "b", "c", "d"]);
/** Of a hash: what is counted, and what is not a number. */
const count = (random: Random) => random.pick(["c", "d"]);
const text = (random: Random) => random.pick(["a", "b", "e"]);
/** How many, and which. */
const fields = (random: Random) => random.pick(["1 a", "1 d", "2 a b", "3 b c d", "4 a b c d"]);
const end = (random: Random) => random.pick(["LEFT", "RIGHT"]);
const minOrMax = (random: Random) => random.pick(["MIN", "MAX"]);
const group = (random: Random) => random.pick(["g", "g", "h"]);
const consumer = (random: Random) => random.pick(["a", "b", "c", "c"]);
/** Those of the stream that RESTORE brings, and higher ones, which are added: all below those that `*` becomes. */
const restoredId = (random: Random) => random.pick(["1-1", "1-2", "2-1", "3-1"]);
export const higherId = (random: Random) => `${4 + random.below(6)}-${1 + random.below(4)}`;
/** As any higher one, or the next one of its milliseconds. */
const addedId = (random: Random) => (random.chance(0.6) ? higherId(random) : `${3 + random.below(7)}-*`);
/** Above those that `*` becomes. */
const laterId = (random: Random) => `99999999999999-${random.pick(["1", "3", "*", "18446744073709551613"])}`;
const streamId = (random: Random) => (random.chance(0.7) ? restoredId(random) : higherId(random));
/** How XADD and XTRIM shorten a stream. */
const maxLength = (random: Random) =>
  random.pick(["MAXLEN 1", "MAXLEN 3", "MAXLEN = 4", "MAXLEN ~ 3", "MAXLEN ~ 2 LIMIT 10"]);
const minId = (random: Random) =>
  `MINID ${random.pick(["", "= ", "~ "])}${random.pick(["1-2", "2", "2-0", "3-1", "6"])}`;
/** What becomes of an entry that groups have not acknowledged. */
const references = (random: Random) => random.pick(["", " KEEPREF", " DELREF", " ACKED"]);
/** After ten minutes, which pass while records are dropped, or after a day. */
const seconds = (random: Random) => String(random.pick([600, 86_400, 86_400]) + random.below(5));
/** Most expire long after the schedule, some within it. */
export const milliseconds = (random: Random) =>
  random.chance(0.2) ? String(1 + random.below(120)) : `${seconds(random)}000`;
/** In the past, and in the year 2100. */
const instant = (random: Random) =>
  String(random.chance(0.1) ? 1 + random.below(1000) : 4_102_444_800 + random.below(5));
const expiry = (random: Random) =>
  random.pick([
    ...[`PX ${milliseconds(random)}`, `EX ${seconds(random)}`],
    ...[`EXAT ${instant(random)}`, `PXAT ${instant(random)}000`],
  ]);
const condition = (random: Random) => random.pick(["", "", " NX", " XX", " GT", " LT"]);
/** Few fields have an expiry to begin with. */
const fieldCondition = (random: Random) => (random.chance(0.5) ? "" : condition(random));
const overflow = (random: Random) => random.pick(["WRAP", "SAT", "FAIL"]);

/** Of a value of a type, or sometimes of any, with one of these options. */
function restore(type: ValueType, ...options: readonly string[]): Write {
  return (random, key) => {
    const dump = random.pick(random.chance(0.9) ? dumps[type] : Object.values(dumps).flat());
    const absolute = `${instant(random)}000`;
    const ttl = random.pick(["0", milliseconds(random), absolute]);
    const idle = random.pick(["", "", " IDLETIME 3"]);
    return `RESTORE ${key} ${ttl} ${dump}${ttl === absolute ? " ABSTTL" : ""}${random.pick(options)}${idle}`;
  };
}

/** Of texts and numbers. */
const conditional: readonly Write[] = [
  (random, key) => `SET ${key} ${plain(random)} ${random.pick(["NX", "XX", "GET"])} ${expiry(random)}`,
  (random, key) => `SET ${key} ${plain(random)} ${random.pick(["KEEPTTL", "XX KEEPTTL", "KEEPTTL GET"])}`,
  (random, key) => `SETNX ${key} ${plain(random)}`,
  (random, key) => `GETSET ${key} ${plain(random)}`,
  (random, key) => `GETEX ${key} ${random.chance(0.3) ? "PERSIST" : expiry(random)}`,
  (_, key) => `DELIFEQ ${key} 7`,
  (random, key) => `SET ${key} ${plain(random)} IFEQ 7${random.pick(["", " KEEPTTL", ` ${expiry(random)}`])}`,
];
const texts: Writes = {
  adds: [
    (_, key) => `SET ${key} 7 KEEPTTL`,
    (random, key) => `APPEND ${key} ${value(random)}`,
    (random, key) => `SETRANGE ${key} ${random.below(6)} ${value(random)}`,
    restore("text", "", " REPLACE"),
  ],
  changes: [
    ...conditional,
    (random, key) => `SET ${key} ${value(random)} ${random.pick(["NX", "XX", "KEEPTTL", "GET", "XX GET"])}`,
    (random, key) => `SETBIT ${key} ${random.below(64)} ${random.below(2)}`,
    (random, key) => `BITFIELD ${key} INCRBY i8 ${random.below(16)} ${small(random)} OVERFLOW FAIL INCRBY u4 100 3`,
    (random, key) =>
      `BITFIELD ${key} OVERFLOW ${overflow(random)} INCRBY u2 ${random.below(9)} ${small(random)} GET u8 0`,
    (random, key) =>
      `BITFIELD ${key} SET u8 #${random.below(4)} ${random.below(300)} OVERFLOW SAT INCRBY i5 3 ${random.below(60) - 30}`,
  ],
};
const numbers: Writes = {
  adds: [
    (_, key) => `SET ${key} 7 KEEPTTL`,
    (_, key) => `INCR ${key}`,
    (_, key) => `DECR ${key}`,
    (random, key) => `INCRBY ${key} ${small(random)}`,
    (random, key) => `DECRBY ${key} ${small(random)}`,
    (random, key) => `INCRBYFLOAT ${key} ${random.pick(["2", "-1", "3.0", "0.5"])}`,
  ],
  changes: [...conditional, (random, key) => `APPEND ${key} ${random.below(10)}`, restore("number", "", " REPLACE")],
};
const hashes: Writes = {
  adds: [
    (random, key) => `HSET ${key} ${text(random)} ${value(random)} ${count(random)} ${small(random)}`,
    (random, key) => `HSET ${key} a ${value(random)} b ${value(random)} c ${small(random)} d ${small(random)}`,
    (random, key) => `HMSET ${key} ${text(random)} ${value(random)}`,
    (random, key) =>
      `HSETEX ${key}${random.pick(["", " FNX", " FXX"])} PX ${milliseconds(random)} FIELDS 1 a ${value(random)}`,
    (random, key) => `HSETEX ${key} KEEPTTL FIELDS 2 b ${value(random)} c ${small(random)}`,
    restore("hash", "", " REPLACE"),
  ],
  changes: [
    (random, key) => `HSETNX ${key} ${random.pick(["a", "b", "e", "f"])} ${value(random)}`,
    (random, key) => `HINCRBY ${key} ${count(random)} ${small(random)}`,
    (random, key) => `HINCRBYFLOAT ${key} ${count(random)} ${random.pick(["2", "1.5"])}`,
    (random, key) => `HDEL ${key} ${element(random)}`,
    (random, key) => `HDEL ${key} ${text(random)} ${element(random)}`,
    (random, key) => `HGETDEL ${key} FIELDS ${fields(random)}`,
    (random, key) => `HPEXPIRE ${key} ${milliseconds(random)}${fieldCondition(random)} FIELDS ${fields(random)}`,
    (random, key) => `HEXPIRE ${key} ${seconds(random)}${fieldCondition(random)} FIELDS ${fields(random)}`,
    (random, key) => `HEXPIREAT ${key} ${instant(random)} FIELDS ${fields(random)}`,
    (random, key) => `HPEXPIREAT ${key} ${instant(random)}000 FIELDS ${fields(random)}`,
    (random, key) => `HPERSIST ${key} FIELDS ${fields(random)}`,
    (random, key) => `HGETEX ${key} ${random.pick(["PERSIST", `PX ${milliseconds(random)}`])} FIELDS ${fields(random)}`,
  ],
};
const lists: Writes = {
  adds: [
    (random, key) => `LPUSH ${key} ${value(random)} ${element(random)}`,
    (random, key) => `RPUSH ${key} ${value(random)} ${element(random)}`,
    (random, key) => `LPUSH ${key} ${element(random)} ${element(random)} ${element(random)}`,
    (random, key) => `RPUSH ${key} ${element(random)} ${element(random)} ${element(random)}`,
    restore("list", "", " REPLACE"),
  ],
  changes: [
    (random, key) => `LPUSHX ${key} ${value(random)}`,
    (random, key) => `RPUSHX ${key} ${value(random)} ${element(random)}`,
    (_, key) => `LPOP ${key}`,
    (random, key) => `RPOP ${key} ${random.below(3)}`,
    (random, key) => `LSET ${key} ${random.pick(["0", "1", "-1"])} ${value(random)}`,
    (random, key) => `LINSERT ${key} ${random.pick(["BEFORE", "AFTER"])} ${element(random)} ${value(random)}`,
    (random, key) => `LREM ${key} ${random.below(5) - 2} ${element(random)}`,
    (random, key) => `LTRIM ${key} ${random.pick(["0 2", "1 -1", "0 -2", "-3 -1", "1 3"])}`,
    (random, key) => `LMOVE ${key} ${key} ${end(random)} ${end(random)}`,
    (_, key) => `RPOPLPUSH ${key} ${key}`,
    (random, key) => `LMPOP 1 ${key} ${end(random)}`,
    (random, key) => `${random.pick(["BLPOP", "BRPOP"])} ${key} 1`,
    (random, key) => `BLMOVE ${key} ${key} ${end(random)} ${end(random)} 1`,
    (_, key) => `BRPOPLPUSH ${key} ${key} 1`,
    (random, key) => `BLMPOP 1 1 ${key} ${end(random)} COUNT 2`,
  ],
};
const sets: Writes = {
  adds: [
    (random, key) => `SADD ${key} ${element(random)} ${value(random)}`,
    (random, key) => `SADD ${key} ${element(random)} ${element(random)}`,
    (random, key) => `SADD ${key} ${random.below(9)}`,
    restore("set", "", " REPLACE"),
  ],
  changes: [
    (_, key) => `SADD ${key} a b c d`,
    (random, key) => `SREM ${key} ${element(random)}`,
    (random, key) => `SREM ${key} ${element(random)} ${element(random)} ${random.below(9)}`,
  ],
};
const sortedSets: Writes = {
  adds: [
    (random, key) => `ZADD ${key} ${small(random)} ${element(random)} ${small(random)} ${value(random)}`,
    (random, key) => `ZADD ${key} ${small(random)} a ${small(random)} b ${small(random)} c`,
    (random, key) => `ZINCRBY ${key} ${small(random)} ${element(random)}`,
    restore("sortedSet", "", " REPLACE"),
  ],
  changes: [
    (random, key) =>
      `ZADD ${key} ${random.pick(["NX", "XX", "GT", "LT CH", "INCR"])} ${small(random)} ${element(random)}`,
    (random, key) => `ZREM ${key} ${element(random)}`,
    (random, key) => `ZREM ${key} ${element(random)} ${element(random)}`,
    (_, key) => `ZPOPMIN ${key}`,
    (_, key) => `ZPOPMAX ${key} 2`,
    (random, key) => `ZMPOP 1 ${key} ${minOrMax(random)}`,
    (random, key) => `${random.pick(["BZPOPMIN", "BZPOPMAX"])} ${key} 1`,
    (random, key) => `BZMPOP 1 1 ${key} ${minOrMax(random)}`,
    (random, key) => `ZREMRANGEBYSCORE ${key} ${random.pick(["-inf (0", "-3 -2", "(1 +inf"])}`,
    (random, key) => `ZREMRANGEBYRANK ${key} ${random.pick(["0 0", "2 -1", "-1 -1"])}`,
    (random, key) => `ZREMRANGEBYLEX ${key} ${random.pick(["-", "[a", "[b"])} [${element(random)}`,
  ],
};
/** Of streams of both kinds: what RESTORE brings of them has a group with two consumers, and entries to acknowledge. */
const groups: readonly Write[] = [
  (random, key) => `XGROUP CREATECONSUMER ${key} g ${random.pick(["c", "d"])}`,
  (random, key) => `XGROUP DELCONSUMER ${key} g ${consumer(random)}`,
  (random, key) => `XGROUP SETID ${key} ${group(random)} ${random.pick(["$", "0 ENTRIESREAD 1", streamId(random)])}`,
  (random, key) => `XGROUP DESTROY ${key} ${group(random)}`,
  (random, key) => `XACK ${key} g ${restoredId(random)} ${restoredId(random)}`,
  (random, key) => `XACKDEL ${key} g${references(random)} IDS 2 ${restoredId(random)} ${restoredId(random)}`,
  (random, key) => `XDELEX ${key}${references(random)} IDS 2 ${restoredId(random)} ${streamId(random)}`,
];
const streams: Writes = {
  adds: [
    (random, key) =>
      `XADD ${key}${random.pick(["", "", ` ${maxLength(random)}`, ` ${minId(random)}`])} * f ${value(random)}`,
    (random, key) => `XADD ${key} NOMKSTREAM${random.pick(["", ` ${minId(random)}`])} * f ${value(random)}`,
    (random, key) => `XGROUP CREATE ${key} ${group(random)} ${random.pick(["0", "$"])} MKSTREAM`,
    restore("stream", " REPLACE"),
    restore("stream", " REPLACE", ""),
  ],
  changes: [
    ...groups,
    (random, key) => `XADD ${key} ${laterId(random)} f ${value(random)}`,
    (random, key) => `XSETID ${key} ${laterId(random).replace("*", "2")}`,
    (random, key) => `XTRIM ${key} ${maxLength(random)}`,
    (random, key) => `XDEL ${key} ${restoredId(random)} ${restoredId(random)}`,
  ],
};
const numberedStreams: Writes = {
  adds: [
    (random, key) =>
      `XADD ${key}${random.pick(["", "", ` ${maxLength(random)}`, ` ${minId(random)}`])} ${addedId(random)} f ${value(random)}`,
    (random, key) =>
      `XADD ${key} NOMKSTREAM${random.pick(["", ` ${minId(random)}`])} ${addedId(random)} f ${value(random)}`,
    (random, key) => `XGROUP CREATE ${key} ${group(random)} ${random.pick(["0", "$", streamId(random)])} MKSTREAM`,
    restore("numberedStream", " REPLACE"),
    restore("numberedStream", " REPLACE", ""),
  ],
  changes: [
    ...groups,
    (random, key) => `XTRIM ${key} ${random.pick([maxLength, minId])(random)}`,
    (random, key) => `XDEL ${key} ${streamId(random)} ${streamId(random)}`,
    (random, key) => `XSETID ${key} ${higherId(random)}${random.pick(["", " ENTRIESADDED 9 MAXDELETEDID 1-2"])}`,
  ],
};
const hyperLogLogs: Writes = {
  adds: [
    (random, key) => `PFADD ${key} ${element(random)} ${value(random)}`,
    (random, key) => `PFADD ${key} ${value(random)}`,
    (_, key) => `PFADD ${key}`,
    restore("hyperLogLog", "", " REPLACE"),
  ],
  changes: [
    (random, key) => `PFADD ${key} ${value(random)} ${value(random)} ${value(random)}`,
    (random, key) => `GETEX ${key} ${random.chance(0.3) ? "PERSIST" : expiry(random)}`,
    restore("hyperLogLog", " REPLACE"),
  ],
};
/** Of values of any type. */
export const expiries: readonly Write[] = [
  (random, key) => `PEXPIRE ${key} ${milliseconds(random)}${condition(random)}`,
  (random, key) => `EXPIRE ${key} ${seconds(random)}${condition(random)}`,
  (random, key) => `EXPIREAT ${key} ${instant(random)}${condition(random)}`,
  (random, key) => `PEXPIREAT ${key} ${instant(random)}000${condition(random)}`,
  (_, key) => `PERSIST ${key}`,
];
export const deletions: readonly Write[] = [
  (_, key) => `DEL ${key}`,
  (_, key) => `UNLINK ${key} shared`,
  (_, key) => `GETDEL ${key}`,
];
/** What makes it a string, whatever it was. */
export const overwrites: readonly Write[] = [
  (random, key) => `SET ${key} ${value(random)}`,
  (random, key) => `SET ${key} ${plain(random)}`,
  (random, key) => `SET ${key} ${plain(random)} ${expiry(random)}`,
  (random, key) => `SETEX ${key} ${seconds(random)} ${plain(random)}`,
  (random, key) => `PSETEX ${key} ${milliseconds(random)} ${plain(random)}`,
  (random, key) => `MSET ${key} ${plain(random)} shared ${value(random)}`,
];

/** By the type that they are for. */
export const writes: Readonly<Record<ValueType, Writes>> = {
  text: texts,
  hash: hashes,
  list: lists,
  set: sets,
  sortedSet: sortedSets,
  stream: streams,
  hyperLogLog: hyperLogLogs,
  numberedStream: numberedStreams,
  number: numbers,
};
