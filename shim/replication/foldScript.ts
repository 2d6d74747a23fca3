// The Lua that runs the commands of a key's journal. What it leaves in database 0 is always those commands in the order of
// their stamps, or nothing.
//
// A server cannot run a command at an instant of the past: an expiry that has passed meanwhile would take effect before
// commands that are older. So commands are run with all their instants moved OFFSET into the future; where one of them has
// been reached by the next command's stamp, the key goes first, and so do fields; those of the base are packed as moved.

import { journals } from "./journalScript";

/** Follows `records`. */
export const folds = `${journals}
-- Runs the command from list[first] on. An XADD that was sent without an ID has that of its stamp, which no client knows when
-- it gives one; where the stream is past that, it gets the next one in the stream's last millisecond.
local function attempt(stamp, list, first, last)
  local reply = redis.pcall(unpack(list, first, last))
  local text = type(reply) == 'table' and reply.err
  if not text or not string.find(text, 'equal or smaller', 1, true) then return reply end
  local own = number(msOf(stamp)) .. '-' .. number(tonumber(sub(stamp, 13), 16))
  local at = first + 2
  while at <= last and list[at] ~= own do at = at + 1 end
  if at > last then return reply end
  local facts, i = call('XINFO', 'STREAM', list[first + 1]), 1
  while facts[i] ~= 'last-generated-id' do i = i + 2 end
  list[at] = string.match(facts[i + 1], '%d+') .. '-*'
  reply = redis.pcall(unpack(list, first, last))
  list[at] = own
  return reply
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
    e.outcome, e.error = outcomeOf(attempt(e.stamp, list, 2, #list))
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
  -- An empty key is a base like any other: later commands are folded onto it again.
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
