// Commands whose replies depend on nothing but the commands before them, written as a user would type them; "" is an
// empty argument.

/** What stands for some words. The payload is what DUMP gives for "dumped159", which has a checksum of plain letters. */
const meanings: Readonly<Record<string, string>> = { '""': "", DUMPED: "\u0000\tdumped159\n\u00005u2W]7YV" };

function lines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/).map((word) => meanings[word] ?? word));
}

/** A command by its full name, `XGROUP|CREATE` for a subcommand. */
export function nameOf([name = "", subcommand = ""]: readonly string[]): string {
  return (/^(COMMAND|OBJECT|XGROUP|XINFO)$/i.test(name) ? `${name}|${subcommand}` : name).toUpperCase();
}

/** A reply, which may be HELLO's, without what is each server's or connection's own. */
export function comparable(reply: string): string {
  // Servers differ in the wording of this one hint.
  return reply
    .replace(/id\r\n:\d+/, "id")
    .replace(/modules\r\n[\s\S]*/, "modules")
    .replace("HELLO <proto> AUTH", "HELLO AUTH");
}

/** Commands that go to the cluster. */
export const forwardedCommands: readonly string[][] = lines(`
  GET s
  SET s v
  GET s
  get s
  GeT s
  SET s
  SET s v EX
  SET s v EX abc
  SET s v EX 0
  SET s v BOGUS
  SET s w NX
  SET s w XX GET
  SET s w KEEPTTL
  SET s v EX 1000 GET
  SETNX s x
  SETNX s2 x
  SETEX s3 1000 y
  SETEX s3 0 y
  PSETEX s3 100000 y
  GETSET s z
  GETDEL s2
  GETEX s3 PERSIST
  TTL s3
  TTL nothing
  PTTL nothing
  EXPIRETIME s3
  PEXPIREAT s3 4102444800000
  PEXPIRETIME s3
  EXPIREAT s3 4102444800 NX
  EXPIRE s3 0
  PEXPIRE s 100000000
  PEXPIRE s abc
  EXISTS s3 s s
  EXPIRE nothing 10
  EXPIRE s abc
  PERSIST s
  APPEND s -more
  STRLEN s
  STRLEN nothing
  SETRANGE s 2 abc
  GETRANGE s 0 -1
  SUBSTR s 0 1
  GETRANGE s a b
  LCS s s
  LCS s s LEN
  LCS s s IDX
  LCS s s BOGUS
  MSET a 1 b 2 c ""
  MSET a 1 b
  MSETNX a 1 d 2
  MGET a b c d s
  MGET
  INCR a
  INCRBY a 41
  INCRBYFLOAT a 0.5
  INCR a
  DECR b
  DECRBY b 10
  INCR s
  INCRBY b abc
  TYPE a
  TYPE nothing
  DEL a b c
  UNLINK a s
  TOUCH a b
  COPY nothing other
  SET src v
  COPY src dst
  COPY src dst
  COPY src dst REPLACE
  COPY src dst DB 0 REPLACE
  RENAME src renamed
  RENAME nothing x
  RENAMENX renamed dst
  KEYS d*
  KEYS nothing*
  SCAN 0 MATCH dst COUNT 1000
  SCAN abc
  OBJECT ENCODING dst
  OBJECT REFCOUNT dst
  OBJECT IDLETIME nothing
  OBJECT FREQ dst
  OBJECT HELP
  OBJECT NOSUCH dst
  OBJECT
  DUMP nothing
  SETBIT bits 7 1
  SETBIT bits 100 1
  SETBIT bits abc 1
  GETBIT bits 7
  GETBIT bits 8
  BITCOUNT bits
  BITCOUNT bits 0 0
  BITCOUNT bits 0
  BITPOS bits 1
  BITOP NOT notbits bits
  BITOP AND x y
  BITFIELD bits SET u8 0 255 GET u8 0 INCRBY u8 0 1
  BITFIELD bits OVERFLOW FAIL INCRBY u2 100 3
  BITFIELD_RO bits GET u8 0
  HSET h f 1 g 2
  HSET h f
  HGET h f
  HGET h nothing
  HGETALL h
  HGETALL nothing
  HMGET h f nothing g
  HMSET h i 3
  HKEYS h
  HVALS h
  HLEN h
  HEXISTS h f
  HSTRLEN h f
  HSETNX h f 9
  HSETNX h j 9
  HINCRBY h f 5
  HINCRBY h f abc
  HINCRBYFLOAT h f 0.25
  HDEL h f nothing
  HSCAN h 0
  HRANDFIELD nothing
  HRANDFIELD nothing 3
  HSET dst a b
  HGET dst a
  HSET timed f 1 g 2 h 3 i 4
  HEXPIRE timed 1000 FIELDS 2 f nothing
  HPEXPIRE timed 1000000 NX FIELDS 1 f
  HEXPIREAT timed 4102444800 FIELDS 1 f
  HPEXPIREAT timed 4102444800000 FIELDS 1 g
  HPEXPIREAT timed abc FIELDS 1 g
  HPEXPIREAT timed 4102444800000 FIELDS 2 g
  HEXPIRETIME timed FIELDS 2 f nothing
  HPEXPIRETIME timed FIELDS 2 g h
  HTTL timed FIELDS 2 h nothing
  HPTTL nothing FIELDS 1 f
  HPERSIST timed FIELDS 2 f h
  HGETEX timed PERSIST FIELDS 2 g nothing
  HSETEX timed PXAT 4102444800000 FIELDS 1 j 5
  HSETEX timed FNX FIELDS 1 j 6
  HGETDEL timed FIELDS 2 i nothing
  HGETALL timed
  SET compared 1
  SET compared 2 IFEQ 0
  SET compared 2 IFEQ 1
  DELIFEQ compared 1
  DELIFEQ compared 2
  MSETEX 2 a 1 b 2 NX
  MSETEX 2 a 1 b 2 PXAT 4102444800000 XX
  DEL a b
  LPUSH l a b c
  RPUSH l d
  LPUSHX nothing a
  RPUSHX l e
  LRANGE l 0 -1
  LRANGE l a b
  LRANGE nothing 0 -1
  LLEN l
  LINDEX l 0
  LINDEX l 100
  LSET l 0 z
  LSET l 100 z
  LSET nothing 0 z
  LINSERT l BEFORE a aa
  LINSERT l AROUND a aa
  LREM l 1 aa
  LPOS l a
  LPOS l nothing
  LPOS l a COUNT 0
  LTRIM l 0 3
  LPOP l
  LPOP l 2
  LPOP nothing
  LPOP nothing 2
  LPOP l -1
  RPOP l
  RPOPLPUSH l m
  RPUSH l 1 2 3
  LMOVE l m LEFT RIGHT
  LMOVE l m UP DOWN
  LMPOP 2 nothing l LEFT COUNT 2
  LMPOP 1 nothing LEFT
  LMPOP abc nothing LEFT
  LPUSH dst x
  SADD set 1 2 3
  SADD set 3
  SCARD set
  SISMEMBER set 1
  SISMEMBER set 9
  SMISMEMBER set 1 9
  SMEMBERS set
  SMEMBERS nothing
  SADD set2 2 3 4
  SINTER set set2
  SINTERCARD 2 set set2
  SINTERCARD 2 set set2 LIMIT 1
  SUNION set set2
  SDIFF set set2
  SINTERSTORE set3 set set2
  SUNIONSTORE set3 set set2
  SDIFFSTORE set3 set set2
  SMOVE set set2 1
  SMOVE set set2 9
  SREM set 2 9
  SPOP set
  SPOP set
  SPOP nothing 3
  SRANDMEMBER nothing
  SRANDMEMBER nothing 2
  SSCAN set2 0
  SADD dst x
  ZADD z 1 a 2 b 3 c
  ZADD z NX 5 a
  ZADD z XX CH 5 a
  ZADD z GT CH 4 a
  ZADD z INCR 1 a
  ZADD z NX GT 1 a
  ZADD z abc a
  ZSCORE z a
  ZSCORE z nothing
  ZMSCORE z a nothing
  ZINCRBY z 1.5 a
  ZRANK z a
  ZREVRANK z a
  ZRANK z nothing
  ZCARD z
  ZCOUNT z -inf +inf
  ZCOUNT z (2 3
  ZRANGE z 0 -1
  ZRANGE z 0 -1 WITHSCORES
  ZRANGE z 1 3 BYSCORE LIMIT 0 1
  ZRANGE z - + BYLEX
  ZREVRANGE z 0 -1 WITHSCORES
  ZRANGEBYSCORE z -inf +inf WITHSCORES LIMIT 0 1
  ZREVRANGEBYSCORE z +inf -inf
  ZRANGEBYLEX z - +
  ZREVRANGEBYLEX z + -
  ZLEXCOUNT z - +
  ZRANGESTORE z2 z 0 -1
  ZUNION 2 z z2 WITHSCORES
  ZINTER 2 z z2
  ZDIFF 2 z z2
  ZUNIONSTORE z3 2 z z2 WEIGHTS 1 2 AGGREGATE MAX
  ZINTERSTORE z3 2 z z2
  ZDIFFSTORE z3 2 z z2
  ZINTERCARD 2 z z2
  ZPOPMIN z
  ZPOPMAX z 2
  ZPOPMIN nothing
  ZMPOP 1 z2 MIN COUNT 2
  ZMPOP 1 nothing MIN
  ZADD z 1 a 2 b 3 c
  ZREM z a nothing
  ZREMRANGEBYRANK z 0 0
  ZREMRANGEBYSCORE z 3 3
  ZREMRANGEBYLEX z2 - +
  ZRANDMEMBER nothing
  ZSCAN z2 0
  VADD vectors VALUES 2 1 1 a
  VDIM vectors
  VCARD vectors
  VISMEMBER vectors a
  VISMEMBER nothing a
  VSETATTR vectors a {}
  VGETATTR vectors a
  VREM vectors nothing
  VEMB nothing a
  VLINKS nothing a
  VINFO nothing
  VRANDMEMBER nothing
  VRANDMEMBER nothing 2
  VSIM nothing VALUES 2 1 1
  PFADD p a b c
  PFADD p a
  PFCOUNT p
  PFMERGE p2 p
  PFCOUNT p p2
  PFCOUNT dst
  XADD x 1-1 f v
  XADD x 1-1 f v
  XADD x 2-* f v
  XADD x MAXLEN 10 3-1 f v g w
  XADD x NOMKSTREAM 4-1 f
  XLEN x
  XINFO STREAM x
  XINFO STREAM nothing
  XINFO HELP
  XRANGE x - +
  XRANGE x - + COUNT 1
  XREVRANGE x + -
  XREAD COUNT 1 STREAMS x 0
  XREAD STREAMS x 9
  XREAD STREAMS x
  XGROUP CREATE x g 0
  XINFO GROUPS x
  XINFO CONSUMERS x g
  XINFO CONSUMERS x nothing
  XGROUP CREATE x g 0
  XGROUP CREATE nothing g 0
  XGROUP CREATECONSUMER x g c
  XGROUP NOSUCH x
  XGROUP HELP
  XREADGROUP GROUP g c COUNT 1 STREAMS x >
  XREADGROUP GROUP nothing c STREAMS x >
  XPENDING x g
  XACK x g 1-1
  XACK x g nothing
  XCLAIM x g c 0 2-0
  XAUTOCLAIM x g c 0 0
  XINFO GROUPS nothing
  XDEL x 1-1
  XTRIM x MAXLEN 1
  XGROUP SETID x g 0
  XGROUP SETID x nothing 0
  XGROUP DELCONSUMER x g c
  XGROUP DELCONSUMER x g c
  XSETID x 9-9
  XGROUP DESTROY x g
  RESTORE restored 0 nonsense
  RESTORE restored 0 DUMPED
  GET restored
  BLPOP nothing 0.01
  RPUSH filled 1 2 3
  BLPOP filled 0.01
  BRPOP nothing filled 0.01
  BLMOVE nothing m LEFT RIGHT 0.01
  BRPOPLPUSH nothing m 0.01
  BLMPOP 0.01 1 nothing LEFT
  BZPOPMIN nothing 0.01
  ZADD z 1 a
  BZPOPMAX z 0.01
  BZMPOP 0.01 1 nothing MIN
  XREAD BLOCK 10 STREAMS x $
  BLPOP l abc
  BLPOP l -1
  DBSIZE_NO_SUCH
  NOSUCH
  NOSUCH a b "" c
  GETS s
  COMMAND COUNT
  COMMAND INFO get nothing
  COMMAND GETKEYS mset a 1 b 2
  COMMAND GETKEYS get
  COMMAND GETKEYS ping
  COMMAND GETKEYS nosuch a
  COMMAND GETKEYSANDFLAGS set a b
  COMMAND HELP
  COMMAND DOCS get
  COMMAND LIST FILTERBY PATTERN xlen
  COMMAND NOSUCH
  FLUSHALL
  FLUSHALL ASYNC
  FLUSHALL NOW
  EXISTS s h l set z
`);

/** Commands that the shim answers by itself. */
export const plainCommands: readonly string[][] = lines(`
  PING
  ping
  PING hello
  PING a b
  ECHO hello
  ECHO
  ECHO a b
  SELECT 0
  SELECT abc
  SELECT 16
  SELECT 1000000000
  SELECT -1000000000
  SELECT 2147483647
  SELECT 2147483648
  SELECT -2147483649
  SELECT 9223372036854775807
  SELECT 9223372036854775808
  SELECT 00
  SELECT -1
  SELECT
  AUTH
  AUTH a b c
  AUTH wrong
  AUTH wrong wrong
  HELLO 4
  HELLO abc
  HELLO 03
  HELLO -0
  HELLO -3
  HELLO 2147483648
  HELLO 9223372036854775807
  HELLO 9223372036854775808
  HELLO 2 AUTH
  HELLO 2 AUTH default wrong
  HELLO 2 NOSUCH
  HELLO 2 SETNAME a\u0001b
  RESET
  PING
  SELECT 0
  HELLO
`);
