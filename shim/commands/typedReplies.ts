// Replies of database 1 for typed drivers, which fail on OK where a number or an array is due: each command is answered
// with the type that its reply has on an empty key, and a plausible value. The types are those of Redis 8.10 and Valkey
// 9.1; commands of older servers have kept theirs.
import { encodeBulk, encodeMap, encodeSimple, type Protocol } from "../resp/encoder";
import {
  decimal,
  encodeDouble,
  encodeInteger,
  float,
  options,
  readOptions,
  streamId,
  upperCase,
  type Word,
  wholeNumber,
} from "./typedValues";

type Answer = (words: readonly Word[], protocol: Protocol) => Buffer;

const bytes = (text: string): Answer => {
  const buffer = Buffer.from(text);
  return () => buffer;
};

const ok = bytes("+OK\r\n");
const zero = bytes(":0\r\n");
const one = bytes(":1\r\n");
const minusOne = bytes(":-1\r\n");
const minusTwo = bytes(":-2\r\n");
const emptyArray = bytes("*0\r\n");
const nil: Answer = (_, protocol) => Buffer.from(protocol === 3 ? "_\r\n" : "$-1\r\n");
const nilArray: Answer = (_, protocol) => Buffer.from(protocol === 3 ? "_\r\n" : "*-1\r\n");
const emptySet: Answer = (_, protocol) => Buffer.from(protocol === 3 ? "~0\r\n" : "*0\r\n");
const emptyMap: Answer = (_, protocol) => encodeMap([], protocol);
const noMatches: Answer = (words, protocol) =>
  encodeMap(
    [
      ["matches", emptyArray(words, protocol)],
      ["len", zero(words, protocol)],
    ],
    protocol,
  );
const page = bytes("*2\r\n$1\r\n0\r\n*0\r\n");
const emptyText = bytes("$0\r\n\r\n");
const none: Answer = () => encodeSimple("none");
const yes: Answer = (_, protocol) => Buffer.from(protocol === 3 ? "#t\r\n" : ":1\r\n");
const no: Answer = (_, protocol) => Buffer.from(protocol === 3 ? "#f\r\n" : ":0\r\n");

/** As many as there are arguments behind the name and `fixed` others, `step` of them for one. */
const counted =
  (fixed = 0, step = 1): Answer =>
  (words) =>
    encodeInteger(Math.max(0, Math.floor((words.length - 1 - fixed) / step)));

function arrayOf(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${elements.length}\r\n`), ...elements]);
}

/** An element for each argument behind the name and `fixed` others. */
const each =
  (element: Answer, fixed = 0): Answer =>
  (words, protocol) =>
    arrayOf(words.slice(1 + fixed).map(() => element(words, protocol)));

/** An element for each of the arguments behind a word, which stands at an index or later, and their number. */
const eachBehind =
  (option: string, from: number, element: Answer): Answer =>
  (words, protocol) => {
    const at = words.findIndex((word, index) => index >= from && upperCase(word) === option);
    // Other options may follow.
    const count = Number(wholeNumber(words[at + 1]));
    return arrayOf(words.slice(at + 2, at + 2 + Math.max(0, count)).map(() => element(words, protocol)));
  };

/** A number for each operation of BITFIELD. */
const bitFields: Answer = (words, protocol) => {
  const operations = words.slice(2).filter((word) => /^(GET|SET|INCRBY)$/.test(upperCase(word)));
  return arrayOf(operations.map(() => zero(words, protocol)));
};

/** The number that the command adds, as on a key that did not exist. */
const added =
  (at: number, sign = 1n): Answer =>
  (words) =>
    encodeInteger(sign * wholeNumber(words[at]));

/** And one with a point. */
const addedDecimal =
  (at: number): Answer =>
  (words) =>
    encodeBulk(Buffer.from(decimal(float(words[at]))));

/** Another answer where an option is given, among those that a command may have from an index on. */
const withOption = (option: string, from: number, known: string, then: Answer, otherwise: Answer): Answer => {
  const all = options(known);
  return (words, protocol) => (readOptions(words, from, all).given.has(option) ? then : otherwise)(words, protocol);
};

/** Another answer where there are more arguments than so many behind the name. */
const withMore =
  (than: number, then: Answer, otherwise: Answer): Answer =>
  (words, protocol) =>
    (words.length > 1 + than ? then : otherwise)(words, protocol);

/** Redis's own limit (proto-max-bulk-len). */
const MAX_STRING_BYTES = 512n * 1024n * 1024n;
/** How long the string is; 0 too where it cannot be written. */
const setRange: Answer = (words) => {
  const offset = wholeNumber(words[2], -1n);
  const written = BigInt(words[3]?.length ?? 0);
  const length = offset + written;
  return encodeInteger(offset >= 0n && written > 0n && length <= MAX_STRING_BYTES ? length : 0n);
};

const zaddOptions = options("NX XX GT LT CH INCR");
const zadd: Answer = (words, protocol) => {
  const { given, end } = readOptions(words, 2, zaddOptions);
  if (given.has("INCR")) return encodeDouble(float(words[end]), protocol);
  return counted(end - 1, 2)(words, protocol);
};

const xaddOptions = options("NOMKSTREAM KEEPREF DELREF ACKED IDMPAUTO:1 IDMP:2 MAXLEN:1 MINID:1 LIMIT:1");
const xadd: Answer = (words, protocol) => {
  const { given, end } = readOptions(words, 2, xaddOptions);
  return given.has("NOMKSTREAM") ? nil(words, protocol) : streamId(words[end]);
};

const increxOptions = options("BYINT:1 BYFLOAT:1 LBOUND:1 UBOUND:1 SATURATE EX:1 PX:1 EXAT:1 PXAT:1 PERSIST ENX");
/** The number, and by how much it has changed. */
const increx: Answer = (words, protocol) => {
  const { given } = readOptions(words, 2, increxOptions);
  const [integer, double] = [given.get("BYINT"), given.get("BYFLOAT")];
  const step =
    double !== undefined
      ? encodeDouble(float(words[double + 1]), protocol)
      : encodeInteger(integer === undefined ? 1 : wholeNumber(words[integer + 1]));
  return arrayOf([step, step]);
};

const lcsOptions = "LEN IDX MINMATCHLEN:1 WITHMATCHLEN";
const lcs = withOption("LEN", 3, lcsOptions, zero, withOption("IDX", 3, lcsOptions, noMatches, emptyText));

/** XPENDING without a range is a summary: how many, the first, the last, and for each consumer. */
const pending: Answer = (words, protocol) =>
  words.length === 3
    ? arrayOf([zero, nil, nil, nilArray].map((answer) => answer(words, protocol)))
    : emptyArray(words, protocol);

const answers: readonly (readonly [answer: Answer, names: string])[] = [
  [
    ok,
    "MSET SETEX PSETEX HMSET LSET LTRIM PFMERGE RENAME RESTORE XSETID XGROUP|CREATE XGROUP|SETID FLUSHALL FLY.PURGE",
  ],
  [ok, "XCFGSET XIDMPRECORD"],
  [withOption("GET", 3, "NX XX GET KEEPTTL EX:1 PX:1 EXAT:1 PXAT:1 IFEQ:1 IFNE:1 IFDEQ:1 IFDNE:1", nil, ok), "SET"],
  [zero, "PERSIST LPUSHX RPUSHX LINSERT LREM SMOVE RENAMENX COPY SETBIT GETBIT XDEL XTRIM XACK"],
  [zero, "BITOP SINTERSTORE SUNIONSTORE SDIFFSTORE ZRANGESTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE GEOSEARCHSTORE"],
  [zero, "ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX XGROUP|DESTROY XGROUP|DELCONSUMER EXISTS STRLEN BITCOUNT"],
  [
    zero,
    "HLEN HEXISTS HSTRLEN LLEN SCARD SISMEMBER SINTERCARD ZCARD ZCOUNT ZLEXCOUNT ZINTERCARD XLEN PFCOUNT TOUCH DELIFEQ",
  ],
  [zero, "SDIFFCARD SUNIONCARD XNACK VCARD VDIM ARCOUNT ARLEN ARNEXT ARDEL ARDELRANGE ARINSERT ARRING ARSEEK"],
  [one, "SETNX MSETNX HSETNX DELEX MSETEX HSETEX"],
  [yes, "VADD VREM VSETATTR"],
  [no, "VISMEMBER"],
  [increx, "INCREX"],
  [(words) => encodeInteger(wholeNumber(words[2]) === 1n ? -1 : 0), "BITPOS"],
  [counted(1, 2), "ARMSET"],
  [counted(2), "ARSET"],
  [one, "EXPIRE PEXPIRE EXPIREAT PEXPIREAT PFADD XGROUP|CREATECONSUMER INCR"],
  [minusOne, "DECR"],
  [minusTwo, "TTL PTTL EXPIRETIME PEXPIRETIME"],
  [added(2), "INCRBY"],
  [added(2, -1n), "DECRBY"],
  [added(3), "HINCRBY"],
  [counted(), "DEL UNLINK"],
  [counted(1), "LPUSH RPUSH SADD SREM HDEL ZREM"],
  [counted(1, 2), "HSET"],
  [zadd, "ZADD"],
  [(words) => encodeInteger(words[2]?.length ?? 0), "APPEND"],
  [setRange, "SETRANGE"],
  [nil, "GET GETSET GETDEL GETEX HGET LINDEX RPOPLPUSH LMOVE ZSCORE DUMP"],
  [nil, "DIGEST GEODIST ARGET AROP VEMB VGETATTR VLINKS"],
  [nil, "OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME OBJECT|REFCOUNT"],
  [withMore(1, nilArray, nil), "LPOP RPOP"],
  [withMore(2, nilArray, nil), "ZRANK ZREVRANK"],
  [withMore(1, emptyArray, nil), "HRANDFIELD SRANDMEMBER ZRANDMEMBER VRANDMEMBER"],
  [withMore(1, emptySet, nil), "SPOP"],
  [withOption("COUNT", 3, "RANK:1 COUNT:1 MAXLEN:1", emptyArray, nil), "LPOS"],
  [emptyArray, "OBJECT|HELP XGROUP|HELP XINFO|HELP"],
  [nilArray, "LMOVEM BLMOVEM BLMOVE BRPOPLPUSH VINFO"],
  [nilArray, "LMPOP BLMPOP ZMPOP BZMPOP BLPOP BRPOP BZPOPMIN BZPOPMAX XREAD XREADGROUP"],
  [emptyArray, "KEYS LRANGE HKEYS HVALS ZPOPMIN ZPOPMAX ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX"],
  [
    emptyArray,
    "ZREVRANGEBYLEX ZUNION ZINTER ZDIFF XRANGE XREVRANGE XCLAIM XINFO|GROUPS XINFO|CONSUMERS GEOSEARCH GEORADIUS_RO",
  ],
  [emptyArray, "GEORADIUSBYMEMBER_RO SORT_RO VRANGE VSIM ARGETRANGE ARGREP ARLASTITEMS ARSCAN"],
  [pending, "XPENDING"],
  [emptySet, "SMEMBERS SINTER SUNION SDIFF"],
  [emptyMap, "HGETALL XINFO|STREAM ARINFO"],
  [each(nil), "MGET"],
  [each(nil, 1), "HMGET ZMSCORE ARMGET"],
  [eachBehind("FIELDS", 2, one), "HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT"],
  [eachBehind("FIELDS", 2, minusTwo), "HTTL HPTTL HEXPIRETIME HPEXPIRETIME HPERSIST"],
  [eachBehind("FIELDS", 2, nil), "HGETEX HGETDEL"],
  [eachBehind("IDS", 2, minusOne), "XDELEX"],
  [eachBehind("IDS", 3, minusOne), "XACKDEL"],
  [each(zero, 1), "SMISMEMBER"],
  [page, "SCAN CLUSTERSCAN"],
  [page, "HSCAN SSCAN ZSCAN"],
  [bytes("*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n"), "XAUTOCLAIM"],
  [emptyText, "GETRANGE SUBSTR"],
  [lcs, "LCS"],
  [none, "TYPE"],
  [addedDecimal(2), "INCRBYFLOAT"],
  [addedDecimal(3), "HINCRBYFLOAT"],
  [(words, protocol) => encodeDouble(float(words[2]), protocol), "ZINCRBY"],
  [xadd, "XADD"],
  [bitFields, "BITFIELD BITFIELD_RO"],
];

/** By the command's name, or `CONTAINER|SUBCOMMAND`. */
export const typedAnswers: ReadonlyMap<string, Answer> = new Map(
  answers.flatMap(([answer, names]) => names.split(" ").map((name) => [name, answer] as const)),
);

/**
 * The reply of database 1 in the command's own type.
 *
 * @param name the command, or `CONTAINER|SUBCOMMAND`; one that is not listed answers OK, as on the other listener
 * @param words its arguments, the name included
 */
export function typedReply(name: string, words: readonly Word[], protocol: Protocol): Buffer {
  return (typedAnswers.get(name) ?? ok)(words, protocol);
}
