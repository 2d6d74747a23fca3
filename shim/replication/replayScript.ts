// The Lua that applies stamped commands to a region's cluster, each as a whole and in one step with its record.

import { journals } from "./journalScript";
import { records } from "./recordScript";

/** Lua's `unpack`, which the script hands a command over with, ends just under 8,000 values. */
export const MAX_ARGUMENTS = 7000;

/**
 * Applies commands. ARGV: as `records` wants it, horizon in ms, then command after command:
 *
 * - an overwrite: `o`, stamp, the key's bucket, what it leaves (`-` nothing, `+` a value, `x<ms>` one that expires then),
 *   number of arguments, arguments (the key is the second, a value the third);
 * - a command on one key whose result depends on what was there, and on nothing else: `m`, stamp, the key's bucket, the
 *   key, index of an instant among its arguments or 0, number of arguments, arguments;
 * - anything else, which is run once, in the order of arrival: `j`, stamp, number of keys, each key's bucket and the key,
 *   number of arguments, arguments.
 *
 * Returns a letter for each command, the newest stamp that the region has applied, then the texts of errors. Letters: `a`
 * applied, `s` stale or known, `e` an error of the data, `u` nothing that this server can run, `t` a transient error; the
 * others say why the region cannot tell, and holds nothing: see `doubtReasons` in replayer.ts.
 */
export const replayScript = `${records}${journals}
local function overwrite(r, n, left)
  local stamp = n.stamp
  if stamp <= r.stamp then return 's' end
  local reason = unheardOf(r, stamp)
  if reason and not (r.journal and load(r, stamp)) then return doubt(r, stamp, reason) end
  local outcome, text
  local instant = left.kind == 'x' and tonumber(left.instant)
  local expiresSoon = instant and instant <= nowMs + SHORT_LIVED_MS
  if r.journal or expiresSoon then
    local list = { instant and 5 or 0, unpack(ARGV, n.first, n.last) }
    if r.journal then outcome, text = overwriteUnder(r, stamp, list) end
    -- By the time an older command comes the value may have expired: the journal keeps it.
    if expiresSoon and not outcome then outcome, text = rebase(r, { entries = {} }, stamp, list) end
    if outcome and outcome ~= 'a' then return outcome, text end
  end
  if not outcome then
    use(0)
    outcome, text = outcomeOf(redis.pcall(unpack(ARGV, n.first, n.last)))
    if outcome ~= 'a' then return outcome, text end
    drop(r)
  end
  local kind, print = left.kind, ''
  if kind ~= '-' then print = valuePrint(ARGV[n.first + 2]) end
  if kind == 'x' then print = left.instant .. ':' .. print end
  setRecord(r, stamp, kind, print)
  return 'a'
end

-- From here on the key's commands run in the order of their arrival; those that its journal knows stay known.
local function giveUpOrder(r, stamp)
  if r.journal then
    use(1)
    for _, name in ipairs(call('HKEYS', 'j' .. r.key)) do
      if sub(name, 1, 1) == 'e' then remember(r.bucket, 's' .. sub(name, 2), '') end
    end
    drop(r)
  end
  if r.kind == 'a' then stamp = higher(stamp, r.left) end
  setRecord(r, r.stamp == '' and zeros .. zeros or r.stamp, 'a', stamp)
end

local function runAlone(n, list)
  local bucket = list[1] and list[1].bucket or 0
  if n.stamp <= flush or #list == 1 and n.stamp <= list[1].stamp or ranAlone(bucket, n.stamp) then return 's' end
  if n.stamp <= late then
    for _, r in ipairs(list) do
      if n.stamp > r.stamp then doubt(r, n.stamp, 'l') end
    end
    return 'l'
  end
  use(0)
  local outcome, text = outcomeOf(redis.pcall(unpack(ARGV, n.first, n.last)))
  if outcome == 'a' or outcome == 'e' then
    remember(bucket, 's' .. n.stamp, '')
    for _, r in ipairs(list) do giveUpOrder(r, n.stamp) end
  end
  return outcome, text
end

local function apply(i)
  local tag, n = ARGV[i], { stamp = ARGV[i + 1] }
  local function finish(outcome, text)
    if outcome ~= 's' and n.stamp > highest then highest = n.stamp end
    if text then errors[#errors + 1] = text end
    return outcome, n.last + 1
  end
  local function arguments(at)
    n.first, n.last = at + 1, at + tonumber(ARGV[at])
  end
  if tag == 'o' then
    arguments(i + 4)
    local left = { kind = sub(ARGV[i + 3], 1, 1), instant = sub(ARGV[i + 3], 2) }
    return finish(overwrite(recordOf(ARGV[n.first + 1], ARGV[i + 2]), n, left))
  end
  if tag == 'm' then
    arguments(i + 5)
    local r = recordOf(ARGV[i + 3], ARGV[i + 2])
    if n.stamp <= r.stamp then return finish('s') end
    if r.kind == 'a' then return finish(runAlone(n, { r })) end
    return finish(modify(r, n.stamp, { tonumber(ARGV[i + 4]), unpack(ARGV, n.first, n.last) }))
  end
  local list = {}
  i = i + 3
  for k = 1, tonumber(ARGV[i - 1]) do
    list[k] = recordOf(ARGV[i + 1], ARGV[i])
    i = i + 2
  end
  arguments(i)
  return finish(runAlone(n, list))
end

local outcomes, i = {}, 5
while i <= #ARGV do
  outcomes[#outcomes + 1], i = apply(i)
end
writeRecords()
return { table.concat(outcomes), highest, unpack(errors) }
`;
