// The Lua that applies stamped commands to a region's cluster: the one place that reads and writes records. Clients' data
// is in database 0, records are in database 1, which clients cannot see.
//
//   g<generation>:<bucket>   hash; a generation lasts a horizon and a bit, so a record lives through one to two of them
//     k<key>                 stamp of the newest overwrite applied to the key
//     w<key>                 stamp of the newest other command applied to the key
//     s<stamp>               another command that has been applied here
//   newest                   the highest stamp applied
//   flush, flushed           stamp of the newest FLUSHALL, and of the newest that has been carried out to its end
//
// SELECT inside a script ends with it. Stamps are compared as text (see stamp.ts).

/** Common to all scripts. ARGV[1]: milliseconds that a generation lasts. */
const records = `
local call = redis.call
local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local spanMs = tonumber(ARGV[1])
local generation = math.floor(nowMs / spanMs)
local current = string.format('g%d:', generation)
local previous = string.format('g%d:', generation - 1)

local function field(kind, key)
  if #key > 40 then return kind .. '#' .. redis.sha1hex(key) end
  return kind .. key
end

local function recorded(bucket, name)
  return call('HGET', current .. bucket, name) or call('HGET', previous .. bucket, name)
end

local function newer(stamp, than)
  return stamp and (not than or than < stamp)
end
`;

/** Lua's `unpack`, which the script hands a command over with, ends just under 8,000 values. */
export const MAX_ARGUMENTS = 7000;

/**
 * Applies commands. ARGV: span, horizon in ms, then command after command:
 *
 * - an overwrite of one key: `o`, stamp, the key's bucket, number of arguments, arguments (the key is the second);
 * - anything else: `j`, stamp, number of keys, each key's bucket and the key, number of arguments, arguments. This is
 *   where a journal belongs: until there is one, such a command runs once, in the order of arrival.
 *
 * Returns a letter for each command: `a` applied, `s` stale or known, `l` too late (its keys are deleted instead), `e` an
 * error of the data, `u` nothing that this server can run, `t` a transient error; then the texts of the errors.
 */
export const replayScript = `${records}
local late = string.format('%012x', nowMs - tonumber(ARGV[2]))
local transient = {
  OOM = 1, LOADING = 1, READONLY = 1, CLUSTERDOWN = 1, MASTERDOWN = 1, MISCONF = 1, NOREPLICAS = 1, TRYAGAIN = 1
}

call('SELECT', 1)
local flush = call('GET', 'flush')
local newest = call('GET', 'newest')
local highest = newest
local buckets, overwritten = {}, {}
local function meet(key, bucket)
  if not buckets[key] then
    buckets[key] = bucket
    overwritten[key] = recorded(bucket, field('k', key))
  end
end

local count, stamps, firsts, lasts, keys, keyLists, ran = 0, {}, {}, {}, {}, {}, {}
local i, last = 3, #ARGV
while i <= last do
  count = count + 1
  local stamp = ARGV[i + 1]
  stamps[count] = stamp
  if ARGV[i] == 'o' then
    local key = ARGV[i + 5]
    keys[count] = key
    meet(key, ARGV[i + 2])
    i = i + 3
  else
    local list = {}
    local keyCount = tonumber(ARGV[i + 2])
    i = i + 3
    for k = 1, keyCount do
      list[k] = ARGV[i + 1]
      meet(list[k], ARGV[i])
      i = i + 2
    end
    keyLists[count] = list
    ran[stamp] = recorded(buckets[list[1]] or '0', 's' .. stamp)
  end
  firsts[count] = i + 1
  lasts[count] = i + tonumber(ARGV[i])
  i = lasts[count] + 1
end

call('SELECT', 0)
local errors, dirty, runs = {}, {}, {}
local function overwrite(key, stamp)
  overwritten[key] = stamp
  dirty[key] = true
end

local function run(n)
  local reply = redis.pcall(unpack(ARGV, firsts[n], lasts[n]))
  if type(reply) ~= 'table' or not reply.err then return 'a' end
  local text = reply.err
  errors[#errors + 1] = text
  if transient[string.match(text, '^-?(%u+)')] then return 't' end
  if string.find(text, 'called from script', 1, true) or string.find(text, 'allowed from script', 1, true) then return 'u' end
  return 'e'
end

local function apply(n)
  local stamp, key, list = stamps[n], keys[n], keyLists[n]
  if flush and stamp <= flush or ran[stamp] then return 's' end
  local only = key or #list == 1 and list[1]
  if only and not newer(stamp, overwritten[only]) then return 's' end
  if newer(stamp, highest) then highest = stamp end
  if stamp < late then
    for _, each in ipairs(list or { key }) do
      if newer(stamp, overwritten[each]) then
        call('UNLINK', each)
        overwrite(each, stamp)
      end
    end
    return 'l'
  end
  local outcome = run(n)
  if key then
    if outcome == 'a' then overwrite(key, stamp) end
  elseif outcome == 'a' or outcome == 'e' then
    ran[stamp] = true
    runs[#runs + 1] = n
  end
  return outcome
end

local outcomes = {}
for n = 1, count do outcomes[n] = apply(n) end

call('SELECT', 1)
local function record(bucket, name, value)
  local hash = current .. bucket
  if call('HSET', hash, name, value) == 1 and call('HLEN', hash) == 1 then
    call('PEXPIRE', hash, 3 * spanMs)
  end
end
for key in pairs(dirty) do record(buckets[key], field('k', key), overwritten[key]) end
for _, n in ipairs(runs) do
  local list = keyLists[n]
  record(buckets[list[1]] or '0', 's' .. stamps[n], '')
  for _, key in ipairs(list) do
    local name = field('w', key)
    if newer(stamps[n], recorded(buckets[key], name)) then record(buckets[key], name, stamps[n]) end
  end
end
if newer(highest, newest) then call('SET', 'newest', highest) end
return { table.concat(outcomes), unpack(errors) }
`;

/**
 * Records a FLUSHALL, and carries it out where nothing newer can be in the database. ARGV: span, stamp. Returns
 * `stale`, `flushed`, or `sweep` where {@link sweepScript} has to tell older keys from newer ones.
 */
export const flushScript = `
local stamp = ARGV[2]
redis.call('SELECT', 1)
local flush = redis.call('GET', 'flush')
if flush and (stamp < flush or stamp == flush and redis.call('GET', 'flushed') == flush) then return 'stale' end
redis.call('SET', 'flush', stamp)
local newest = redis.call('GET', 'newest')
if not newest or stamp < newest then return 'sweep' end
redis.call('SET', 'newest', stamp)
redis.call('SET', 'flushed', stamp)
redis.call('SELECT', 0)
redis.call('FLUSHDB', 'ASYNC')
return 'flushed'
`;

/**
 * Deletes those keys of a page that nothing newer than the FLUSHALL has written. ARGV: span, its stamp, whether this is
 * the last page (1 or 0), then each key's bucket and the key. Returns 0 where a newer FLUSHALL has taken over.
 */
export const sweepScript = `${records}
local stamp = ARGV[2]
call('SELECT', 1)
if call('GET', 'flush') ~= stamp then return 0 end
local older = {}
for i = 4, #ARGV, 2 do
  local bucket, key = ARGV[i], ARGV[i + 1]
  if not newer(recorded(bucket, field('k', key)), stamp) and not newer(recorded(bucket, field('w', key)), stamp) then
    older[#older + 1] = key
  end
end
if ARGV[3] == '1' then
  call('SET', 'flushed', stamp)
  if newer(stamp, call('GET', 'newest')) then call('SET', 'newest', stamp) end
end
call('SELECT', 0)
for _, key in ipairs(older) do call('UNLINK', key) end
return 1
`;
