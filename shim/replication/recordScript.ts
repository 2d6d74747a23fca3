// The Lua that reads and writes what a region remembers of its replays. Clients' data is in database 0, records are in
// database 1, which clients cannot see; whatever has been forgotten shows itself as a floor, never as "never happened".
//
//   c                        hash: the newest canary of every shim (see regions.ts)
//   m                        hash: `newest` stamp applied, `flush` and `flushed` (the newest FLUSHALL, and the newest
//                            carried out to its end), `floor`: what is not above it may have been forgotten, `born`: the
//                            floor of a server that nobody has known before, `id`: the name of this memory; the number of
//                            the `generation`, when it and the one before it `began`, and whether they have their `bits`;
//                            `purges`, `purgesRevision` and `purged` (see purgeList.ts); `w<caller>`: how many calls that
//                            one has made: who knows of more was connected to a server that this one is behind
//   g<generation>:<bucket>   hash; two generations are kept (see rotationScript.ts), each for a horizon and a bit at least
//     k<key>                 the key's record, below
//     f                      the bucket's own floor, empty where it has none
//   q                        what arguments are tried on (see replayScript.ts), within a script
//   b<generation>            bitmap of the buckets that the generation has: one that is missing was evicted
//   s<generation>:<bucket>   sorted set: stamps of commands that were run in the order of their arrival
//   z<generation>:<key>      sorted set: what the key's journal has only the sum of, stamps of one fold to a member, the
//                            newest first; folds do not overlap
//
// A key's record is the stamp of its newest overwrite; a letter for what that left:
//   `-` nothing, `+` a value with this fingerprint, `x` one with this fingerprint that expires, at `<ms>:`; or
//   `?` the region cannot tell (nothing is there, and nothing will be until a newer overwrite), where a script failed over
//   the command with this stamp and for this reason, `a` commands that have run in the order of their arrival, the newest
//   with this stamp, `n` no overwrite is known;
// `j` where the key has a journal (see journalScript.ts), else `-`; then the fingerprint, or stamp and reason.
//
// SELECT inside a script ends with it. Stamps are compared as text (see stamp.ts).

/** Records of some fifty keys share a hash, small enough for the server to keep it packed. */
export const BUCKETS = 16384;

/** FNV-1a of a key, which is all of the bytes or some of them. */
export function bucketOf(bytes: Buffer, start = 0, end = bytes.length): number {
  let hash = 0x811c9dc5;
  for (let index = start; index < end; index += 1) {
    hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  }
  return (hash >>> 0) % BUCKETS;
}

/** The connections over which a shim calls scripts. What the answers to one have said the other does not know. */
export type CallerRole = "home" | "inbound";

/** Names a caller: the shim's origin in its stamps, and which of its connections it is. */
export function callerOf(origin: number, role: CallerRole): string {
  return origin.toString(16).padStart(8, "0") + (role === "inbound" ? "i" : "");
}

/**
 * Begins every script. ARGV: milliseconds that a generation lasts at least; what `memory` returned to the caller last (or
 * nothing); the stamp before which the caller knows nothing, and the caller (see callerOf); the horizon in ms.
 */
export const records = `
local call, sub = redis.call, string.sub
local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local spanMs = tonumber(ARGV[1])
local NEVER = string.rep('0', 24)

local selected = 0
local function stampOf(ms)
  return string.format('%012x', ms) .. sub(NEVER, 13)
end

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
local start, writer = sub(ARGV[3], 1, 24), 'w' .. sub(ARGV[3], 25)
local meta = call('HMGET', 'm', 'newest', 'flush', 'floor', 'bits', 'bitsBefore', 'born', 'id', 'generation', 'began',
  'beganBefore', 'purgesRevision', 'purged', writer)
local newest, flush, floor, born, id = meta[1] or '', meta[2] or '', meta[3] or '', meta[6] or '', meta[7] or ''
local generation, began, beganBefore = tonumber(meta[8]), tonumber(meta[9]), tonumber(meta[10])
local writes = tonumber(meta[13]) or 0
local knownNewest, knownId, knownWrites = sub(ARGV[2], 1, 24), string.match(ARGV[2], ' (%S+) (%d+)$')
knownWrites = tonumber(knownWrites) or 0
if id == '' then
  id = time[1] .. '.' .. time[2]
  call('HSET', 'm', 'id', id)
end
if not generation then
  -- What was written under another number, and is still there, must not come back as what follows this one.
  generation, began, beganBefore = nowMs, nowMs, nowMs - spanMs
  call('HSET', 'm', 'generation', generation, 'began', began, 'beganBefore', beganBefore)
end
-- A purge up to this stamp may have been forgotten.
local purged = meta[12] or ''
-- Whatever came after it is on record: a stamp may have been ahead of its application by what spanMs has over horizonMs.
local horizonMs = tonumber(ARGV[4])
local late = higher(stampOf(beganBefore + spanMs - horizonMs), purged)
local current, previous = 'g' .. generation .. ':', 'g' .. (generation - 1) .. ':'
local currentBits, previousBits = 'b' .. generation, 'b' .. (generation - 1)
local function forget(upTo)
  floor, newest, born = higher(floor, upTo), higher(newest, upTo), ''
  call('HSET', 'm', 'newest', newest, 'floor', floor, 'born', '')
end
if newest == '' and ARGV[2] == '' and call('DBSIZE') == 1 + call('EXISTS', 'a', 'c') then
  forget(start)
  born = start
  call('HSET', 'm', 'born', born)
elseif newest == '' or newest < knownNewest or knownId and knownId ~= id or writes < knownWrites then
  -- Shims that knew less may have taken this memory for a new one: what they did is in doubt as well.
  forget(higher(higher(knownNewest, newest), start))
  writes = math.max(writes, knownWrites)
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

-- Of more, those with the lowest stamps are forgotten.
local MAX_ALONE, MAX_FOLDS = 65536, 1024
local function remember(name, member, most)
  use(1)
  call('ZADD', name, 0, member)
  call('PEXPIRE', name, 3 * spanMs)
  if call('ZCARD', name) > most then call('ZPOPMIN', name) end
end

local function rememberAlone(bucket, stamp)
  remember('s' .. generation .. ':' .. bucket, stamp, MAX_ALONE)
end

local function rememberFold(key, entries, count)
  local stamps = {}
  for i = count, 1, -1 do stamps[#stamps + 1] = entries[i].stamp end
  remember('z' .. generation .. ':' .. key, table.concat(stamps), MAX_FOLDS)
end

local function isAmong(stamps, stamp)
  local at = string.find(stamps, stamp, 1, true)
  while at and at % #stamp ~= 1 do at = string.find(stamps, stamp, at + 1, true) end
  return at
end

-- Whether a command has been run that is in no journal any more.
local function hasRun(stamp, bucket, key)
  use(1)
  for number = generation - 1, generation do
    if call('ZSCORE', 's' .. number .. ':' .. bucket, stamp) then return true end
    local folds = 'z' .. number .. ':' .. key
    local fold = call('ZRANGEBYLEX', folds, '[' .. stamp, '+', 'LIMIT', 0, 1)[1]
    if fold and isAmong(fold, stamp) then return true end
  end
end

-- Whether it may have been run and forgotten.
local function mayHaveRun(stamp, bucket)
  for number = generation - 1, generation do
    local name = 's' .. number .. ':' .. bucket
    if call('ZCARD', name) == MAX_ALONE and stamp < call('ZRANGE', name, 0, 0)[1] then return true end
  end
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
  if flush > r.stamp then
    r.raised = record or flush > late
    -- A key of which nothing is on record may have been written since, where that would not be on record any more.
    if r.raised and (r.kind ~= 'a' or r.left < flush) then r.kind, r.left = '-', '' end
    r.stamp = flush
  end
  -- Order that was given up after a loss stays so.
  if r.floor > r.stamp and r.kind ~= '?' and not (r.kind == 'a' and r.left > r.floor) then r.kind = nil end
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
end

-- Ends what applies something. The caller may expect of this memory from now on: the newest stamp, its name, the number of
-- the caller's calls.
local function memory()
  use(1)
  -- Where there is no room, nothing has been written.
  if type(redis.pcall('HSET', 'm', 'newest', highest, writer, writes + 1)) == 'number' then writes = writes + 1 end
  return highest .. ' ' .. id .. ' ' .. string.format('%.0f', writes)
end
`;
