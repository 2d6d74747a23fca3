// The Lua that applies stamped commands to a region's cluster, each as a whole and in one step with its record.

import { folds } from "./foldScript";
import { plainOverwrites } from "./plainScript";
import { records } from "./recordScript";

/** Lua's `unpack`, which the script hands a command over with, ends just under 8,000 values. */
export const MAX_ARGUMENTS = 7000;

/**
 * Applies commands. ARGV: as `records` wants it, then either `plain` and overwrites as `plainOverwrites`
 * wants them, or `mixed` and command after command:
 *
 * - an overwrite: `o`, stamp, the key's bucket, what it leaves (`-` nothing, `+` a value, `x<ms>` one that expires then),
 *   number of arguments, arguments (the key is the second, a value the third);
 * - a SET whose value was assembled under a key of database 1: `p`, then as `o`, with that key for the value;
 * - a command on one key whose result depends on what was there, and on nothing else: `m`, stamp, the key's bucket, the
 *   key, index of an instant among its arguments or 0, number of arguments, arguments;
 * - such a command of any number of arguments: `q`, stamp, the key's bucket, the key, with how many arguments each slice
 *   of it begins, how many behind those belong together, number of arguments, arguments;
 * - anything else, which is run once, in the order of arrival: `j`, stamp, number of keys, each key's bucket and the key,
 *   number of arguments, arguments.
 *
 * Returns a letter for each command, what `memory` says, the revision of the list of purges (see purgeList.ts), then the
 * texts of errors. Letters: `a` applied, `s` stale or known, `e` an error of the data, `u` nothing that this server can
 * run, `t` a transient error; the others say why the region cannot tell, and holds nothing: see `doubtReasons` in
 * replayOutcome.ts. Of `e`, `u`, `t` and `f` there is a text.
 */
export const replayScript = `${records}${folds}
local SLICE_GROUPS = 1000

-- Puts a value that was assembled in database 1 under its key, in a step or two however large it is.
local function place(n, instant)
  use(0)
  call('UNLINK', n.staged, n.r.key)
  use(1)
  call('PERSIST', n.staged)
  call('MOVE', n.staged, 0)
  use(0)
  call('RENAME', n.staged, n.r.key)
  if instant then call('PEXPIREAT', n.r.key, instant) end
end

-- Parts of the command were lost on the way to here.
local function lacking(r, stamp)
  local j = load(r, stamp)
  if j and j.met or hasRun(stamp, r.bucket, r.key) then return 's' end
  return doubt(r, stamp, 'v')
end

local function overwrite(n)
  local r, stamp, left = n.r, n.stamp, n.left
  if stamp <= r.stamp then return 's' end
  local deletes = left == '-'
  local reason = unheardOf(r, stamp, deletes)
  if reason and not (r.journal and (deletes or stamp > purged) and load(r, stamp)) then return doubt(r, stamp, reason) end
  local kind, print, instant = left, '', nil
  if n.staged then
    use(1)
    print = printOf(n.staged)
    if not print then return lacking(r, stamp) end
  elseif left ~= '-' then
    print = valuePrint(ARGV[n.first + 2])
  end
  if left ~= '-' and left ~= '+' then
    kind, instant = 'x', sub(left, 2)
    print = instant .. ':' .. print
  end
  local outcome, text
  local expiresSoon = instant and tonumber(instant) <= nowMs + SHORT_LIVED_MS
  if r.journal or expiresSoon then
    local e = { stamp = stamp, list = { instant and 5 or 0, unpack(ARGV, n.first, n.last) } }
    if n.staged then
      e.run = function(by) place(n, instant and moved(instant, by)) end
    end
    if r.journal then outcome, text = overwriteUnder(r, e) end
    -- By the time an older command comes the value may have expired: the journal keeps it.
    if expiresSoon and not outcome then outcome, text = rebase(r, { entries = {} }, e) end
    if outcome and outcome ~= 'a' then return outcome, text end
  end
  if not outcome then
    if n.staged then
      place(n, instant)
    else
      use(0)
      outcome, text = outcomeOf(redis.pcall(unpack(ARGV, n.first, n.last)))
      if outcome ~= 'a' then return outcome, text end
    end
    drop(r)
  end
  setRecord(r, stamp, kind, print)
  return 'a'
end

-- From here on the key's commands run in the order of their arrival; those that its journal knows stay known.
local function giveUpOrder(r, stamp)
  if r.journal then
    use(1)
    for _, name in ipairs(call('HKEYS', 'j' .. r.key)) do
      if sub(name, 1, 1) == 'e' then rememberAlone(r.bucket, sub(name, 2)) end
    end
    call('UNLINK', 'j' .. r.key)
    r.journal = false
  end
  if r.kind == 'a' then stamp = higher(stamp, r.left) end
  setRecord(r, r.stamp, 'a', stamp)
end

-- One of more arguments than can be handed over at once is run in slices behind what each begins with. Returns what failed.
local function runSlices(n, slice)
  local lead, size = #slice, n.group * SLICE_GROUPS
  for from = n.first + n.lead, n.last, size do
    local count = math.min(size, n.last - from + 1)
    for i = 1, count do slice[lead + i] = ARGV[from + i - 1] end
    local reply = redis.pcall(unpack(slice, 1, lead + count))
    if type(reply) == 'table' and reply.err then return reply end
  end
end

-- Where a later argument may be one that the server refuses, it looks at all of them first, beside a key of database 1 that
-- they do not change: a command fails as a whole.
local trials = {
  -- Behind a pair nothing is an option.
  ZADD = function(n) return runSlices(n, { 'ZADD', 'q', 'XX', 0, '' }) end,
  XDEL = function(n)
    call('UNLINK', 'q')
    call('XADD', 'q', 1, '', '')
    local wrong = runSlices(n, { 'XDEL', 'q' })
    call('UNLINK', 'q')
    return wrong
  end
}

local function run(n)
  if not n.group then return attempt(n.stamp, ARGV, n.first, n.last) end
  local try = trials[ARGV[n.first]]
  if try then
    use(1)
    local wrong = try(n)
    use(0)
    if wrong then return wrong end
  end
  return runSlices(n, { unpack(ARGV, n.first, n.first + n.lead - 1) })
end

local function runAlone(n)
  local list = n.list
  local bucket, key = list[1] and list[1].bucket or 0, list[1] and list[1].key or ''
  if n.stamp <= flush or #list == 1 and n.stamp <= list[1].stamp or hasRun(n.stamp, bucket, key) then return 's' end
  local reason = n.stamp <= late and 'l' or mayHaveRun(n.stamp, bucket) and 'b'
  if reason then
    for _, r in ipairs(list) do
      if n.stamp > r.stamp then doubt(r, n.stamp, reason) end
    end
    return reason
  end
  use(0)
  local outcome, text = outcomeOf(run(n))
  if outcome == 'a' or outcome == 'e' then
    rememberAlone(bucket, n.stamp)
    for _, r in ipairs(list) do giveUpOrder(r, n.stamp) end
  end
  return outcome, text
end

local function apply(n)
  if n.left then return overwrite(n) end
  if n.list then return runAlone(n) end
  local r = n.r
  if n.stamp <= r.stamp then return 's' end
  if r.kind ~= 'a' and n.group then return modify(r, n.stamp, { 0 }, function() return run(n) end) end
  if r.kind ~= 'a' then return modify(r, n.stamp, { n.at, unpack(ARGV, n.first, n.last) }) end
  n.list = { r }
  return runAlone(n)
end

${plainOverwrites}
local outcomes = {}
local function finish(stamp, outcome, text)
  outcomes[#outcomes + 1] = outcome
  if outcome ~= 's' and outcome ~= 't' and stamp > highest then highest = stamp end
  if text then errors[#errors + 1] = text end
end

if ARGV[5] == 'plain' then
  for i, outcome in ipairs(overwriteAll()) do finish(stamps[i], outcome, texts[i]) end
end

-- All records are read before anything is written: changing databases costs as much as a read.
local commands, i = {}, 6
while ARGV[5] ~= 'plain' and i <= #ARGV do
  local tag, n = ARGV[i], { stamp = ARGV[i + 1] }
  if tag == 'o' or tag == 'p' then
    n.r, n.left = recordOf(ARGV[i + 6], ARGV[i + 2]), ARGV[i + 3]
    n.staged = tag == 'p' and ARGV[i + 7]
    i = i + 4
  elseif tag == 'm' then
    n.r, n.at = recordOf(ARGV[i + 3], ARGV[i + 2]), tonumber(ARGV[i + 4])
    i = i + 5
  elseif tag == 'q' then
    n.r, n.lead, n.group = recordOf(ARGV[i + 3], ARGV[i + 2]), tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
    i = i + 6
  else
    n.list = {}
    local keys = tonumber(ARGV[i + 2])
    i = i + 3
    for k = 1, keys do
      n.list[k] = recordOf(ARGV[i + 1], ARGV[i])
      i = i + 2
    end
  end
  n.first, n.last = i + 1, i + tonumber(ARGV[i])
  commands[#commands + 1] = n
  i = n.last + 1
end
for _, n in ipairs(commands) do finish(n.stamp, guarded(n, apply)) end
writeRecords()
return { table.concat(outcomes), memory(), meta[11] or '', unpack(errors) }
`;
