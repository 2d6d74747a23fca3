// The Lua that keeps a key's journal: the value under its commands, and the commands with their stamps, so that one that
// comes late finds its place; or that gives it up, and the key with it, where nobody can tell what belongs there.
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

import { values } from "./valueScript";

/** What a journal's name begins with; the key follows. */
export const JOURNAL = "j";

/** Follows `records`. */
export const journals = `${values}
local OFFSET, FAR = 2^45, 2^50
local MAX_COMMANDS, MAX_BYTES, SHORT_LIVED_MS = 512, 65536, 10000

local transient = {
  OOM = 1, LOADING = 1, READONLY = 1, CLUSTERDOWN = 1, MASTERDOWN = 1, MISCONF = 1, NOREPLICAS = 1, TRYAGAIN = 1,
  NOPERM = 1
}
local errors = {}
-- Errors quote what clients send: only their beginnings are the server's own.
local function begins(text, ...)
  for _, pattern in ipairs({ ... }) do
    if string.find(text, '^-?%u+ ' .. pattern) then return true end
  end
end

local function outcomeOf(reply)
  if type(reply) ~= 'table' or not reply.err then return 'a' end
  local text = reply.err
  if transient[string.match(text, '^-?(%u+)')] or begins(text, 'ACL failure in script', 'The user executing the script') then
    return 't', text
  end
  if begins(text, 'Unknown [%a ]*command called from script', 'This %a+ command is not allowed from script') then
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
  setRecord(r, higher(higher(stamp, last), r.floor), '?', r.kind == '?' and r.left or '')
  return reason
end

-- Runs what applies a command to its keys. Where this script fails over it nobody knows how far it came: the region cannot
-- tell what the keys should hold, which is on record with the reason, and what else came along is not held up.
local function guarded(n, run)
  local keys = n.list or { n.r }
  for _, r in ipairs(keys) do
    if r.kind == '?' and n.left ~= '-' and sub(r.left, 1, 24) == n.stamp then return 'u', sub(r.left, 25) end
  end
  local ran, outcome, text = pcall(run, n)
  if ran then return outcome, text end
  text = type(outcome) == 'table' and outcome.err or outcome
  -- What was begun is made anew from the journal.
  if outcomeOf({ err = text }) == 't' then return 't', text end
  for _, r in ipairs(keys) do
    -- Whatever that is.
    r.journal = true
    drop(r)
    doubt(r, higher(higher(n.stamp, r.stamp), highest), 'f')
    r.left = n.stamp .. sub(text, 1, 200)
  end
  return 'f', text
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
`;
