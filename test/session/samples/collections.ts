// Samples of hashes, lists, sets, sorted sets and vector sets. They count on the keys that the strings have left.
import { commandsIn } from "./sample";

export const collections = commandsIn(`
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
`);
