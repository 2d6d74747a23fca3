// Replies of database 1 for typed drivers, which fail on OK where a number or an array is due: each command is answered
// with the type that its reply has on an empty key, and a plausible value. The types are those of Redis 8.10 and Valkey
// 9.1; commands of older servers have kept theirs.
import { encodeBulk, encodeMap, encodeSimple, type Protocol } from "../resp/encoder";

type Answer = (words: readonly Buffer[], protocol: Protocol) => Buffer;

const bytes = (text: string): Answer => {
  const buffer = Buffer.from(text);
  return () => buffer;
};

const ok = bytes("+OK\r\n");
const zero = bytes(":0\r\n");
const one = bytes(":1\r\n");
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
    Buffer.from(`:${Math.max(0, Math.floor((words.length - 1 - fixed) / step))}\r\n`);

function arrayOf(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`*${elements.length}\r\n`), ...elements]);
}

/** An element for each argument behind the name and `fixed` others. */
const each =
  (element: Answer, fixed = 0): Answer =>
  (words, protocol) =>
    arrayOf(words.slice(1 + fixed).map(() => element(words, protocol)));

/** An element for each argument behind a word and their number. */
const eachBehind =
  (option: string, element: Answer): Answer =>
  (words, protocol) => {
    const at = words.findIndex((word, index) => index > 1 && isWord(word, option));
    return arrayOf(words.slice(at + 2).map(() => element(words, protocol)));
  };

/** A number for each operation of BITFIELD. */
const bitFields: Answer = (words, protocol) => {
  const operations = words.slice(2).filter((word) => /^(GET|SET|INCRBY)$/i.test(word.toString("latin1")));
  return arrayOf(operations.map(() => zero(words, protocol)));
};

function isWord(word: Buffer, text: string): boolean {
  return word.toString("latin1").toUpperCase() === text;
}

/** The number that the command adds, as on a key that did not exist. */
const added =
  (at: number, sign = ""): Answer =>
  (words) => {
    const step = words[at]?.toString("latin1") ?? "1";
    return Buffer.from(/^-?\d{1,18}$/.test(step) ? `:${BigInt(`${sign}1`) * BigInt(step)}\r\n` : ":1\r\n");
  };

/** A sorted set's score, at a place counted from the end where it is negative. */
const score =
  (at: number): Answer =>
  (words, protocol) => {
    const text = String(Number(words.at(at)));
    return protocol === 3 ? Buffer.from(`,${text}\r\n`) : encodeBulk(Buffer.from(text));
  };

/** Another answer where an option is given. */
const withOption =
  (option: string, then: Answer, otherwise: Answer): Answer =>
  (words, protocol) => {
    const given = words.slice(2).some((word) => isWord(word, option));
    return (given ? then : otherwise)(words, protocol);
  };

/** Another answer where a count, and so several elements, are asked for. */
const withCount =
  (then: Answer, otherwise: Answer): Answer =>
  (words, protocol) =>
    (words.length > 2 ? then : otherwise)(words, protocol);

/** XPENDING without a range is a summary: how many, the first, the last, and for each consumer. */
const pending: Answer = (words, protocol) =>
  words.length === 3
    ? arrayOf([zero, nil, nil, nilArray].map((answer) => answer(words, protocol)))
    : emptyArray(words, protocol);

const streamId: Answer = (words) => {
  const given = words.find((word, at) => at > 1 && /^\d+-\d+$/.test(word.toString("latin1")));
  return encodeBulk(given ?? Buffer.from(`${Date.now()}-0`));
};

const answers: readonly (readonly [answer: Answer, names: string])[] = [
  [
    ok,
    "MSET SETEX PSETEX HMSET LSET LTRIM PFMERGE RENAME RESTORE XSETID XGROUP|CREATE XGROUP|SETID FLUSHALL FLY.PURGE",
  ],
  [ok, "XCFGSET XIDMPRECORD"],
  [withOption("GET", nil, ok), "SET"],
  [zero, "SETNX MSETNX HSETNX PERSIST LPUSHX RPUSHX LINSERT LREM SMOVE RENAMENX COPY SETBIT GETBIT XDEL XTRIM XACK"],
  [zero, "BITOP SINTERSTORE SUNIONSTORE SDIFFSTORE ZRANGESTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE GEOSEARCHSTORE"],
  [
    zero,
    "ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX XGROUP|DESTROY XGROUP|DELCONSUMER EXISTS STRLEN BITCOUNT BITPOS",
  ],
  [
    zero,
    "HLEN HEXISTS HSTRLEN LLEN SCARD SISMEMBER SINTERCARD ZCARD ZCOUNT ZLEXCOUNT ZINTERCARD XLEN PFCOUNT TOUCH DELIFEQ",
  ],
  [zero, "SDIFFCARD SUNIONCARD XNACK VCARD VDIM ARCOUNT ARLEN ARNEXT ARDEL ARDELRANGE ARINSERT ARRING ARSEEK"],
  [one, "DELEX MSETEX HSETEX"],
  [yes, "VADD VREM VSETATTR"],
  [no, "VISMEMBER"],
  [bytes("*2\r\n:1\r\n:1\r\n"), "INCREX"],
  [counted(1, 2), "ARMSET"],
  [counted(2), "ARSET"],
  [one, "EXPIRE PEXPIRE EXPIREAT PEXPIREAT PFADD XGROUP|CREATECONSUMER INCR"],
  [bytes(":-1\r\n"), "DECR"],
  [minusTwo, "TTL PTTL EXPIRETIME PEXPIRETIME"],
  [added(2), "INCRBY"],
  [added(2, "-"), "DECRBY"],
  [added(3), "HINCRBY"],
  [counted(), "DEL UNLINK"],
  [counted(1), "LPUSH RPUSH SADD SREM HDEL ZREM"],
  [counted(1, 2), "HSET"],
  [withOption("INCR", score(-2), counted(1, 2)), "ZADD"],
  [(words) => Buffer.from(`:${words[2]?.length ?? 0}\r\n`), "APPEND"],
  [(words) => Buffer.from(`:${Number(words[2]) + (words[3]?.length ?? 0)}\r\n`), "SETRANGE"],
  [nil, "GET GETSET GETDEL GETEX HGET LINDEX RPOPLPUSH LMOVE ZSCORE ZRANK ZREVRANK DUMP"],
  [nil, "DIGEST GEODIST ARGET AROP VEMB VGETATTR VLINKS"],
  [nil, "OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME OBJECT|REFCOUNT"],
  [withCount(nilArray, nil), "LPOP RPOP"],
  [withCount(emptyArray, nil), "HRANDFIELD SRANDMEMBER ZRANDMEMBER VRANDMEMBER"],
  [withCount(emptySet, nil), "SPOP"],
  [withOption("COUNT", emptyArray, nil), "LPOS"],
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
  [eachBehind("FIELDS", one), "HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT"],
  [eachBehind("FIELDS", minusTwo), "HTTL HPTTL HEXPIRETIME HPEXPIRETIME HPERSIST"],
  [eachBehind("FIELDS", nil), "HGETEX HGETDEL"],
  [eachBehind("IDS", minusTwo), "XDELEX XACKDEL"],
  [each(zero, 1), "SMISMEMBER"],
  [page, "SCAN CLUSTERSCAN"],
  [page, "HSCAN SSCAN ZSCAN"],
  [bytes("*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n"), "XAUTOCLAIM"],
  [emptyText, "GETRANGE SUBSTR"],
  [withOption("LEN", zero, withOption("IDX", noMatches, emptyText)), "LCS"],
  [none, "TYPE"],
  [(words) => encodeBulk(words[2] ?? Buffer.alloc(0)), "INCRBYFLOAT"],
  [(words) => encodeBulk(words[3] ?? Buffer.alloc(0)), "HINCRBYFLOAT"],
  [score(2), "ZINCRBY"],
  [withOption("NOMKSTREAM", nil, streamId), "XADD"],
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
export function typedReply(name: string, words: readonly Buffer[], protocol: Protocol): Buffer {
  return (typedAnswers.get(name) ?? ok)(words, protocol);
}
