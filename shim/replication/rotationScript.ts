// The Lua that lets a region forget: a new generation of records begins, and the one before the last is dropped. While
// something that it may still have to place is under way, nothing is dropped; what would expire meanwhile is kept alive.

import { records } from "./recordScript";

/** Other shims may be replaying what one has heard nothing of: all must have been content for so long. */
const CONTENT_MS = 60_000;
/** Journals and buckets differ in size; so many of them tell how large they are on average. */
const SAMPLES = 20;

/**
 * ARGV: as `records` wants it, ms since 1970 up to which the caller has heard of everything, bytes that records may take
 * up before they are dropped nevertheless. Returns `young` where the generation is not over yet, `kept` where it would be,
 * or `rotated`; with `tend` in place of the last two, {@link tendScript} should go through all records.
 */
export const rotationScript = `${records}
if nowMs - began < spanMs then return 'young' end

local function bytes()
  local sum = 0
  for _ = 1, ${SAMPLES} do
    local name = call('RANDOMKEY')
    if string.find(name, '^[gjsz]') then sum = sum + (call('MEMORY', 'USAGE', name) or 0) end
  end
  return sum / ${SAMPLES} * call('DBSIZE')
end

local waited, tended = unpack(call('HMGET', 'm', 'waited', 'tended'))
-- A stamp may be ahead of its application.
if tonumber(ARGV[5]) < began + spanMs - horizonMs then
  waited = nowMs
  call('HSET', 'm', 'waited', waited)
end
local waiting = waited and nowMs - waited < ${CONTENT_MS}
if waiting and bytes() <= tonumber(ARGV[6]) then
  if tended and nowMs - tended < spanMs / 2 then return 'kept' end
  call('HSET', 'm', 'tended', nowMs)
  return 'tend'
end
call('HSET', 'm', 'generation', generation + 1, 'began', nowMs, 'beganBefore', began)
call('HDEL', 'm', 'bits', 'bitsBefore', 'waited', 'tended')
if meta[4] then call('HSET', 'm', 'bitsBefore', 1) end
return waiting and 'tend' or 'rotated'
`;

/**
 * Keeps a page of records alive, and removes what was dropped, which otherwise expires by itself. ARGV: as `records` wants
 * it, cursor of a SCAN. Returns the next one, `0` at the end.
 */
export const tendScript = `${records}
local page = call('SCAN', ARGV[5], 'COUNT', 256)
for _, name in ipairs(page[2]) do
  local of = string.match(name, '^[gbsz](%d+)')
  if of and tonumber(of) < generation - 1 then
    call('UNLINK', name)
  elseif of or sub(name, 1, 1) == 'j' then
    call('PEXPIRE', name, 3 * spanMs)
  end
end
return page[1]
`;
