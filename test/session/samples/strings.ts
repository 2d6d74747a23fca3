// Samples of strings, of keys whatever their type, and of bits.
import { commandsIn } from "./sample";

export const strings = commandsIn(`
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
`);
