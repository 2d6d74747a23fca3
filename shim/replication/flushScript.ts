// The Lua of FLUSHALL: it overwrites every key. Where nothing newer is in the database that is one command; else its pages
// are gone through (see keyPages.ts), and what is newer stays.

import { folds } from "./foldScript";
import { records } from "./recordScript";

/**
 * Records a FLUSHALL, and carries it out where nothing newer can be in the database. ARGV: as `records` wants it, stamp.
 * Returns `stale`, `flushed`, or `sweep` where {@link sweepScript} has to tell older keys from newer ones; and what `memory`
 * says.
 */
export const flushScript = `${records}
local stamp = ARGV[5]
if stamp < flush or stamp == flush and call('HGET', 'm', 'flushed') == flush then return { 'stale', memory() } end
call('HSET', 'm', 'flush', stamp)
if stamp < newest then return { 'sweep', memory() } end
call('HSET', 'm', 'newest', stamp, 'flushed', stamp)
highest = stamp
use(0)
call('FLUSHDB', 'ASYNC')
return { 'flushed', memory() }
`;

/**
 * Takes a FLUSHALL to the keys of a page. ARGV: as `records` wants it, its stamp, whether this is the last page (1 or 0),
 * then each key's bucket and the key. Returns whether it goes on (0 where a newer FLUSHALL has taken over), what `memory`
 * says, a letter for each key of which the region cannot tell or that failed, and the texts of errors: see `replayScript`.
 */
export const sweepScript = `${records}${folds}
local stamp = ARGV[5]
if flush ~= stamp then return { 0, memory(), '' } end
local function sweep(n)
  local r = n.r
  -- A record of that stamp is the FLUSHALL's own: the key has no newer overwrite.
  if r.stamp ~= stamp then return end
  local j = load(r, stamp)
  if r.bereft then return doubt(r, newest, r.bereft) end
  if j and j.mixed then return doubt(r, stamp, 'b') end
  if j and j.floor < stamp then
    loadEntries(r, j)
    refold(r, j, 0)
    save(r, j)
  elseif not j and r.kind ~= 'a' then
    use(0)
    call('UNLINK', r.key)
  end
end

local letters, done = '', ARGV[6] == '1'
for i = 7, #ARGV, 2 do
  local letter, text = guarded({ r = recordOf(ARGV[i + 1], ARGV[i]), stamp = stamp }, sweep)
  letters = letters .. (letter or '')
  if text then errors[#errors + 1] = text end
  if letter == 't' then done = false end
end
writeRecords()
if done then call('HSET', 'm', 'flushed', stamp) end
return { 1, memory(), letters, unpack(errors) }
`;
