// The Lua that keeps a key's journal: the value under its commands, and the commands with their stamps, so that one that
// comes late finds its place. What it leaves in database 0 is always those commands in the order of their stamps, or nothing.
//
//   j<key>        hash in database 1
//     f           floor: everything up to this stamp is in the base or was overwritten
//     v, y        the base, as DUMP gives it (absent: no key), and when it expires
//     u           the base is too large to be kept
//     n           the newest command's stamp
//     g, x        fingerprint of what the newest command left, and when that expires
//     w           fields of the hash may expire: when the first of those that are left does, or empty
//     c, b        number of commands, and their bytes
//     e<stamp>    a command: the index of an instant among its arguments (or 0), then its arguments
//
// A server cannot run a command at an instant of the past: an expiry that has passed meanwhile would take effect before
// commands that are older. So commands are run with all their instants moved OFFSET into the future; where one of them has
// been reached by the next command's stamp, the key goes first, and so do fields; those of the base are packed as moved.

import { values } from "./valueScript";

/** What a journal's name begins with; the key follows. */
export const JOURNAL = "j";

/** Follows `records`. */
export const journals = `${values}
local OFFSET, FAR = 2^45, 2^50
local MAX_COMMANDS, MAX_BYTES, SHORT_LIVED_MS = 512, 65536, 10000

local transient = {
  OOM = 1, LOADING = 1, READONLY = 1, CLUSTERDOWN = 1, MASTERDOWN = 1, MISCONF = 1, NOREPLICAS = 1, TRYAGAIN = 1
}
local errors = {}
local function outcomeOf(reply)
  if type(reply) ~= 'table' or not reply.err then return 'a' end
  local text = reply.err
  if transient[string.match(text, '^-?(%u+)')] then return 't', text end
  if string.find(text, 'called from script', 1, true) or string.find(text, 'allowed from script', 1, true) then
    return 'u', text
  end
  return 'e', text
end

local function msOf(stamp)
  return tonumber(sub(stamp, 1, 12), 16)
end

local function moved(instant, by)
  local ms = tonumber(instant)
  if ms > FAR then return instant end
  return number(ms + by)
end

-- Which of the commands, as they are normalised, may let a field expire.
local timesFields = { HPEXPIREAT = 1, HSETEX = 1, HGETEX = 1 }

-- The base of a journal, from what is there now.
local function presentBase(key, j)
  local base, large = baseOf(key)
  j.first = base and moveFields(key, OFFSET, 0)
  if not j.first then return base, large end
  j.timed, j.first = true, j.first - OFFSET
  base, large = baseOf(key)
  moveFields(key, -OFFSET, 0)
  return base, large
end

local function drop(r)
  if not r.journal then return end
  use(1)
  call('UNLINK', 'j' .. r.key, 'z' .. generation .. ':' .. r.key, 'z' .. (generation - 1) .. ':' .. r.key)
  r.journal = false
end

-- The region cannot tell the key's value any more: it holds nothing, until an overwrite newer than all it may have missed.
local function doubt(r, stamp, reason)
  use(1)
  local last = r.journal and call('HGET', 'j' .. r.key, 'n') or ''
  drop(r)
  use(0)
  call('UNLINK', r.key)
  if reason == 'l' then last = higher(last, late) end
  setRecord(r, higher(higher(stamp, last), r.floor), '?', '')
  return reason
end

-- Whether a command came too late to tell what it finds. What a forgotten purge would have done a delete does as well.
local function unheardOf(r, stamp, deletes)
  if stamp <= r.floor then return r.evicted and 'v' or 'r' end
  local bound = deletes and '' or purged
  if stamp <= (r.kind and bound or late) then return 'l' end
end

-- Why a key without a record cannot be taken as it is.
local function forgotten(r)
  if not r.kind and r.amnesia and r.floor > stampOf(nowMs - horizonMs) then return r.evicted and 'v' or 'r' end
end

-- The journal that a key gets with its first command since the overwrite, or the reason why it cannot have one.
local function begin(r, stamp)
  local j = { floor = r.stamp, newest = '', count = 0, bytes = 0, entries = {}, fresh = true }
  if r.bereft then r.floor, r.evicted, r.amnesia, r.kind = newest, r.bereft == 'v', true, nil end
  local reason = unheardOf(r, stamp) or forgotten(r)
  if reason then return nil, reason end
  use(0)
  local present = call('EXISTS', r.key) == 1
  if r.kind == '-' then
    if present then call('UNLINK', r.key) end
    return j
  end
  local expiry = expiryOf(r.key)
  if r.kind then
    local instant, print = nil, r.left
    if r.kind == 'x' then
      local colon = string.find(r.left, ':', 1, true)
      instant, print = tonumber(sub(r.left, 1, colon - 1)), sub(r.left, colon + 1)
    end
    if not present and instant and instant <= nowMs then
      if msOf(stamp) < instant then return nil, 'x' end
      j.floor = higher(j.floor, stampOf(instant))
      return j
    end
    if not present then return nil, 'v' end
    if expiry ~= instant or printOf(r.key) ~= print then return nil, 'c' end
  else
    j.floor = higher(higher(r.stamp, r.floor), late)
  end
  if present then
    j.base, j.large = presentBase(r.key, j)
    j.baseExpiry, j.expiry = expiry, expiry
    j.print = fingerprint(r.key, j.large)
  end
  return j
end

local function load(r, stamp)
  if not r.journal then return end
  use(1)
  local h = call('HMGET', 'j' .. r.key, 'f', 'n', 'g', 'x', 'c', 'b', 'u', 'e' .. stamp, 'w')
  if not h[1] or floor ~= born and floor > r.stamp and h[2] <= floor then
    r.bereft = h[1] and 'r' or r.mark and 'v'
    drop(r)
    return
  end
  if h[1] < r.stamp and h[2] <= r.stamp then
    -- A FLUSHALL has overwritten it all.
    drop(r)
    touch(r)
    return
  end
  return {
    floor = h[1], newest = h[2], print = h[3], expiry = tonumber(h[4]), count = tonumber(h[5]), bytes = tonumber(h[6]),
    large = h[7], met = h[8], timed = h[9], first = tonumber(h[9]),
    -- A FLUSHALL belongs among the commands of which the base has the sum; one that was there before them is on record.
    mixed = r.raised and h[1] > r.stamp
  }
end

-- Reads the commands above the key's last overwrite, oldest first, and the base; a FLUSHALL may have cut both.
local function loadEntries(r, j)
  if j.entries then return end
  use(1)
  j.entries = {}
  local all = call('HGETALL', 'j' .. r.key)
  for i = 1, #all, 2 do
    local name, value = all[i], all[i + 1]
    if sub(name, 1, 1) == 'e' then
      local stamp = sub(name, 2)
      if stamp > r.stamp then j.entries[#j.entries + 1] = { stamp = stamp, packed = value } end
    elseif name == 'v' then
      j.base = value
    elseif name == 'y' then
      j.baseExpiry = tonumber(value)
    end
  end
  if r.stamp > j.floor then j.floor, j.base, j.baseExpiry, j.large, j.fresh = r.stamp, nil, nil, nil, true end
  table.sort(j.entries, function(a, b) return a.stamp < b.stamp end)
end

local function save(r, j)
  use(1)
  local name = 'j' .. r.key
  if j.fresh then
    call('UNLINK', name)
    call('HSET', name, 'f', j.floor)
    if j.base then call('HSET', name, 'v', j.base) end
    if j.baseExpiry then call('HSET', name, 'y', number(j.baseExpiry)) end
    if j.large then call('HSET', name, 'u', 1) end
    for _, e in ipairs(j.entries) do call('HSET', name, 'e' .. e.stamp, e.packed) end
  end
  local expiry = j.expiry and number(j.expiry) or ''
  call('HSET', name, 'n', j.newest, 'g', j.print or '', 'x', expiry, 'c', j.count, 'b', j.bytes)
  if j.timed then call('HSET', name, 'w', j.first and number(j.first) or '') end
  call('PEXPIRE', name, 3 * spanMs)
  if r.raised or not r.current or not r.mark then touch(r) end
  r.journal, r.mark = true, true
end

-- Runs a command whose instants may have been moved. Its error is kept for the caller alone.
local function runEntry(e, by)
  if e.run then
    e.outcome, e.error = outcomeOf(e.run(by))
    return e.outcome
  end
  local list = e.list or cmsgpack.unpack(e.packed)
  local at = list[1]
  if at > 0 and by > 0 then
    local as = list[at + 1]
    list[at + 1] = moved(as, by)
    e.outcome, e.error = outcomeOf(redis.pcall(unpack(list, 2)))
    list[at + 1] = as
  else
    e.outcome, e.error = outcomeOf(redis.pcall(unpack(list, 2)))
  end
  return e.outcome
end

-- Moves back what was moved, lets go what has expired meanwhile, and takes down what is left.
local function settle(r, j, by)
  local x = expiryOf(r.key)
  j.expiry = x and tonumber(moved(x, -by))
  if x and j.expiry <= nowMs then
    call('UNLINK', r.key)
  elseif x and by > 0 then
    call('PEXPIREAT', r.key, number(j.expiry))
  end
  if j.timed then j.first = moveFields(r.key, -by, nowMs) end
  j.print = fingerprint(r.key, j.large)
end

-- Makes the value anew from the base. Commands up to the index fold become part of the base.
local function refold(r, j, fold)
  local key, kept = r.key, {}
  use(0)
  call('UNLINK', key)
  if j.base then
    call('RESTORE', key, j.baseExpiry and moved(j.baseExpiry, OFFSET) or 0, j.base, 'ABSTTL')
  end
  j.count, j.bytes = 0, 0
  for i, e in ipairs(j.entries) do
    local x = expiryOf(key)
    if x and x <= FAR and x - OFFSET <= msOf(e.stamp) then call('UNLINK', key) end
    if j.timed then moveFields(key, 0, OFFSET + msOf(e.stamp)) end
    local outcome = runEntry(e, OFFSET)
    if i <= fold then
      j.floor = e.stamp
    elseif outcome == 'a' or outcome == 'e' then
      kept[#kept + 1] = e
      j.count, j.bytes, j.newest = j.count + 1, j.bytes + #e.packed, e.stamp
    end
    if i == fold then
      j.base, j.large = baseOf(key)
      x = expiryOf(key)
      j.baseExpiry = x and tonumber(moved(x, -OFFSET))
    end
  end
  j.entries, j.fresh = kept, true
  settle(r, j, OFFSET)
end

-- Whether the next command, newer still, can be run on what is there, which is what the newest command left; or the reason
-- for doubt where that cannot be made anew.
local function continues(r, j, stamp)
  if stamp <= j.newest then return false, 'b' end
  local ms = msOf(stamp)
  use(0)
  if j.expiry and j.expiry <= math.max(ms, nowMs) then
    if j.expiry > ms then return false, 'x' end
    call('UNLINK', r.key)
    return true
  end
  if j.first and j.first <= math.max(ms, nowMs) then return false, 'x' end
  local print = fingerprint(r.key, j.large)
  if print == (j.print or '') and expiryOf(r.key) == j.expiry then return true end
  return false, print == '' and 'v' or 'c'
end

-- Runs the next command on what is there. Where its instant has passed, all instants are moved meanwhile.
local function goOn(r, j, e)
  local at = e.list[1]
  local by = at > 0 and tonumber(e.list[at + 1]) <= nowMs and OFFSET or 0
  local x = by > 0 and expiryOf(r.key)
  if x then call('PEXPIREAT', r.key, moved(x, by)) end
  if by > 0 and j.timed then moveFields(r.key, by, 0) end
  runEntry(e, by)
  settle(r, j, by)
end

local function insert(entries, e)
  local i = #entries
  while i > 0 and entries[i].stamp > e.stamp do i = i - 1 end
  table.insert(entries, i + 1, e)
  return i + 1
end

-- Makes the older half of the commands part of the base, or all where there is no base to begin with.
local function shorten(r, j)
  loadEntries(r, j)
  local fold = j.large and j.count or math.ceil(j.count / 2)
  rememberFold(r.key, j.entries, fold)
  if not j.large then return refold(r, j, fold) end
  use(0)
  local base, large = presentBase(r.key, j)
  -- Where nothing is there, that is kept as well as any value.
  if not large then j.base, j.baseExpiry, j.large = base, j.expiry, nil end
  j.print = fingerprint(r.key, j.large)
  j.floor, j.entries, j.count, j.bytes, j.fresh = j.newest, {}, 0, 0, true
end

-- A command whose result depends on what was there: as a list, or as what runs it where that would be too long.
local function modify(r, stamp, list, run)
  if r.kind == '?' then return doubt(r, stamp, 'd') end
  local j, missing = load(r, stamp), nil
  if not j then
    j, missing = begin(r, stamp)
    if not j then return doubt(r, stamp, missing) end
  elseif j.met then
    return 's'
  end
  if j.mixed then return doubt(r, stamp, 'b') end
  if stamp <= j.floor or stamp <= purged then
    if hasRun(stamp, r.bucket, r.key) then return 's' end
    return doubt(r, stamp, stamp <= j.floor and 'b' or 'l')
  end
  local bytes = 0
  for i = 2, #list do bytes = bytes + #list[i] end
  -- The journal cannot keep it: it becomes part of the base, with all that is older.
  local large = run or bytes > MAX_PACKED
  local e = { stamp = stamp, list = list, run = run, packed = large and '' or cmsgpack.pack(list) }
  j.timed = j.timed or list and timesFields[list[2]]
  local intact, reason
  if r.stamp <= j.floor then intact, reason = continues(r, j, stamp) end
  if intact then
    goOn(r, j, e)
    if e.outcome ~= 'a' and e.outcome ~= 'e' then return e.outcome, e.error end
    j.newest, j.count, j.bytes = stamp, j.count + 1, j.bytes + #e.packed
    if j.fresh then
      j.entries = { e }
    else
      use(1)
      call('HSET', 'j' .. r.key, 'e' .. stamp, e.packed)
    end
    j.large = j.large or large
  else
    loadEntries(r, j)
    if j.large then return doubt(r, stamp, reason) end
    local at = insert(j.entries, e)
    local known = j.entries
    refold(r, j, large and at or 0)
    if e.outcome ~= 'a' and e.outcome ~= 'e' then
      if j.count > 0 and not large then save(r, j) end
      return e.outcome, e.error
    end
    if large then rememberFold(r.key, known, at) end
    large = false
  end
  if large or j.count > MAX_COMMANDS or j.bytes > MAX_BYTES then shorten(r, j) end
  save(r, j)
  return e.outcome, e.error
end

-- Makes an overwrite the base of a journal, under the commands that are newer.
local function rebase(r, j, e)
  while j.entries[1] and j.entries[1].stamp < e.stamp do table.remove(j.entries, 1) end
  table.insert(j.entries, 1, e)
  j.base, j.baseExpiry, j.large, j.newest = nil, nil, nil, e.stamp
  refold(r, j, 1)
  save(r, j)
  return e.outcome, e.error
end

-- An overwrite of a key that has a journal. Nothing is returned where the journal is of no use any more.
local function overwriteUnder(r, e)
  local stamp = e.stamp
  local j = load(r, stamp)
  if not j then
    if r.bereft and stamp <= newest then return doubt(r, newest, r.bereft) end
    return
  end
  if stamp > j.newest then return end
  if stamp <= j.floor then return doubt(r, stamp, 'b') end
  loadEntries(r, j)
  return rebase(r, j, e)
end
`;
