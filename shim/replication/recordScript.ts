// The Lua that reads and writes what a region remembers of its replays. Clients' data is in database 0, records are in
// database 1, which clients cannot see; whatever has been forgotten shows itself as a floor, never as "never happened".
//
//   c                        hash: the newest canary of every shim (see regions.ts)
//   m                        hash: `newest` stamp applied, `flush` and `flushed` (the newest FLUSHALL, and the newest
//                            carried out to its end), `floor`: what is not above it may have been forgotten, `born`: the
//                            floor of a server that nobody has known before, `id`: the name of this memory; the number of
//                            the `generation`, when it and the one before it `began`, and whether they have their `bits`;
//                            `purges` and `purgesRevision` (see purgeList.ts)
//   g<generation>:<bucket>   hash; two generations are kept (see rotationScript.ts), each for a horizon and a bit at least
//     k<key>                 the key's record, below
//     s<stamp>               a command that has been run here and is in no journal any more
//     f                      the bucket's own floor, empty where it has none
//   b<generation>            bitmap of the buckets that the generation has: one that is missing was evicted
//
// A key's record is the stamp of its newest overwrite; a letter for what that left:
//   `-` nothing, `+` a value with this fingerprint, `x` one with this fingerprint that expires, at `<ms>:`; or
//   `?` the region cannot tell (nothing is there, and nothing will be until a newer overwrite), `a` commands that have run
//   in the order of their arrival, the newest with this stamp, `n` no overwrite is known;
// `j` where the key has a journal (see journalScript.ts), else `-`; then the fingerprint or stamp.
//
// SELECT inside a script ends with it. Stamps are compared as text (see stamp.ts).

/** Records of some fifty keys share a hash, small enough for the server to keep it packed. */
export const BUCKETS = 16384;

/** FNV-1a. */
export function bucketOf(key: Buffer): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ (key[index] ?? 0), 0x01000193);
  }
  return (hash >>> 0) % BUCKETS;
}

/**
 * Begins every script. ARGV: milliseconds that a generation lasts at least; the highest stamp that the caller knows the server to
 * have applied, and the memory's name (or nothing); the stamp before which the caller knows nothing; the horizon in ms.
 */
export const records = `
local call, sub = redis.call, string.sub
local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local spanMs = tonumber(ARGV[1])
local NEVER = string.rep('0', 24)

local selected = 0
local function use(database)
  if selected ~= database then
    call('SELECT', database)
    selected = database
  end
end

local function higher(a, b)
  if a < b then return b end
  return a
end

use(1)
local meta = call('HMGET', 'm', 'newest', 'flush', 'floor', 'bits', 'bitsBefore', 'born', 'id', 'generation', 'began',
  'beganBefore', 'purgesRevision')
local newest, flush, floor, born, id = meta[1] or '', meta[2] or '', meta[3] or '', meta[6] or '', meta[7] or ''
local generation, began, beganBefore = tonumber(meta[8]), tonumber(meta[9]), tonumber(meta[10])
local knownNewest, knownId = sub(ARGV[2], 1, 24), sub(ARGV[2], 25)
if id == '' then
  id = time[1] .. '.' .. time[2]
  call('HSET', 'm', 'id', id)
end
if not generation then
  generation, began, beganBefore = 1, nowMs, nowMs - spanMs
  call('HSET', 'm', 'generation', generation, 'began', began, 'beganBefore', beganBefore)
end
local horizonMs = tonumber(ARGV[4])
local function stampOf(ms)
  return string.format('%012x', ms) .. sub(NEVER, 13)
end
-- Whatever came after it is on record: a stamp may have been ahead of its application by what spanMs has over horizonMs.
local late = stampOf(beganBefore + spanMs - horizonMs)
local current, previous = 'g' .. generation .. ':', 'g' .. (generation - 1) .. ':'
local currentBits, previousBits = 'b' .. generation, 'b' .. (generation - 1)
local function forget(upTo)
  floor, newest, born = higher(floor, upTo), higher(newest, upTo), ''
  call('HSET', 'm', 'newest', newest, 'floor', floor, 'born', '')
end
if newest == '' and ARGV[2] == '' and call('DBSIZE') == 1 + call('EXISTS', 'a', 'c') then
  forget(ARGV[3])
  born = ARGV[3]
  call('HSET', 'm', 'born', born)
elseif newest == '' or newest < knownNewest or knownId ~= '' and knownId ~= id then
  -- Shims that knew less may have taken this memory for a new one: what they did is in doubt as well.
  forget(higher(higher(knownNewest, newest), ARGV[3]))
end
local hasPrevious = call('STRLEN', previousBits) > 0
if meta[5] and not hasPrevious then
  call('HDEL', 'm', 'bitsBefore')
  forget(newest)
end
if meta[4] and call('STRLEN', currentBits) == 0 then
  -- Every bucket that is not there counts as evicted.
  call('SET', currentBits, string.rep('\\255', ${BUCKETS / 8}), 'PX', 3 * spanMs)
  forget(newest)
end
local highest = newest

local function nameOf(key)
  if #key > 40 then return 'k#' .. redis.sha1hex(key) end
  return 'k' .. key
end

local made = {}
local function make(bucket, lost)
  made[bucket] = true
  local hash = current .. bucket
  call('HSET', hash, 'f', lost)
  call('PEXPIRE', hash, 3 * spanMs)
  call('SETBIT', currentBits, bucket, 1)
  if not meta[4] then
    meta[4] = 1
    call('PEXPIRE', currentBits, 3 * spanMs)
    call('HSET', 'm', 'bits', 1)
  end
end

local function remember(bucket, name, value)
  use(1)
  if not made[bucket] and call('EXISTS', current .. bucket) == 0 then make(bucket, '') end
  made[bucket] = true
  call('HSET', current .. bucket, name, value)
end

local function ranAlone(bucket, stamp)
  use(1)
  local name = 's' .. stamp
  return call('HEXISTS', current .. bucket, name) == 1 or hasPrevious and call('HEXISTS', previous .. bucket, name) == 1
end

local known, changed = {}, {}
local function recordOf(key, bucket)
  local r = known[key]
  if r then return r end
  use(1)
  local name = nameOf(key)
  local found = call('HMGET', current .. bucket, name, 'f')
  local record, own = found[1], found[2]
  r = { key = key, bucket = bucket, name = name, current = record, floor = floor, stamp = '', left = '' }
  known[key] = r
  if own then
    made[bucket] = true
  elseif call('GETBIT', currentBits, bucket) == 1 then
    own = newest
    make(bucket, own)
  end
  if not record and hasPrevious then
    local before = call('HMGET', previous .. bucket, name, 'f')
    record = before[1]
    if before[2] then
      own = higher(own or '', before[2])
    elseif call('GETBIT', previousBits, bucket) == 1 then
      own = newest
      call('SETBIT', previousBits, bucket, 0)
      if not made[bucket] then make(bucket, own) else call('HSET', current .. bucket, 'f', own) end
    end
  end
  if own and own ~= '' then
    r.evicted = own > floor
    r.floor = higher(floor, own)
  end
  -- What the server once knew of the key may be gone.
  r.amnesia = r.floor ~= '' and r.floor ~= born
  if record then
    local kind = sub(record, 25, 25)
    if kind ~= 'n' then r.kind = kind end
    r.stamp, r.mark, r.left = sub(record, 1, 24), sub(record, 26, 26) == 'j', sub(record, 27)
  end
  -- The mark may have been among what was lost.
  r.journal = r.mark or r.floor ~= ''
  -- A key of which nothing is on record may have been written since, where that would not be on record any more.
  if flush > r.stamp and (record or flush > late) then
    if r.kind ~= 'a' or r.left < flush then r.kind, r.left = '-', '' end
    r.stamp = flush
  end
  if r.floor > r.stamp and r.kind ~= '?' then r.kind = nil end
  return r
end

local function touch(r)
  if not r.changed then changed[#changed + 1] = r end
  r.changed = true
end

local function setRecord(r, stamp, kind, left)
  r.stamp, r.kind, r.left = stamp, kind, left
  touch(r)
end

local function writeRecords()
  use(1)
  for _, r in ipairs(changed) do
    if not made[r.bucket] then make(r.bucket, '') end
    local stamp = r.stamp == '' and NEVER or r.stamp
    call('HSET', current .. r.bucket, r.name, stamp .. (r.kind or 'n') .. (r.journal and 'j' or '-') .. r.left)
  end
  if highest > newest then call('HSET', 'm', 'newest', highest) end
end
`;
