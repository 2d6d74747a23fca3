// Samples of HyperLogLogs and streams. They count on the keys that the collections have left.
import { commandsIn } from "./sample";

export const streams = commandsIn(`
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
`);
