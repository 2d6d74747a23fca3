// The Lua that applies overwrites by the dozen: where nothing is in question about a key, its record is read and written,
// and nothing else; all values go to the server in one MSET. That is what the speed of replay comes from.

import { bucketOf } from "./recordScript";
import type { ReplayStep } from "./replaySteps";
import { STAMP_LENGTH, stampText } from "./stamp";

/** One of the steps that go this way. */
export type PlainStep = Extract<ReplayStep, { kind: "overwrite" }>;

const VALUE_INDEX = 2;
const HEAD_BYTES = STAMP_LENGTH + 1 + 1 + 4 + 4;
const nothing = Buffer.alloc(0);

/**
 * Overwrites as {@link plainOverwrites} takes them: stamp, then the key's bucket, what is left, the key and the value, each
 * after its length. One argument costs the server and the driver less than seven for each of them.
 */
export function packOverwrites(steps: readonly PlainStep[]): Buffer {
  const buckets = steps.map(({ key }) => String(bucketOf(key)));
  const bytes = steps.reduce((sum, { key, leaves, args }, index) => {
    const value = args[VALUE_INDEX] ?? nothing;
    return sum + HEAD_BYTES + (buckets[index] ?? "").length + leaves.length + key.length + value.length;
  }, 0);
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [index, { stamp, key, leaves, args }] of steps.entries()) {
    const bucket = buckets[index] ?? "";
    const value = args[VALUE_INDEX] ?? nothing;
    at += packed.write(stampText(stamp), at, "latin1");
    at = packed.writeUInt8(bucket.length, at);
    at += packed.write(bucket, at, "latin1");
    at = packed.writeUInt8(leaves.length, at);
    at += packed.write(leaves, at, "latin1");
    at = packed.writeUInt32BE(key.length, at);
    packed.set(key, at);
    at = packed.writeUInt32BE(value.length, at + key.length);
    packed.set(value, at);
    at += value.length;
  }
  return packed;
}

/**
 * Follows `overwrite`, which takes what has to be asked more about. ARGV[6] and ARGV[7]: how many overwrites, and what
 * {@link packOverwrites} made of them. Nothing is written before all records were read: changing databases costs as much as
 * a read. A table costs too: of the overwrites there is but one, with their five fields in a row.
 */
export const plainOverwrites = `
local MINUS, PLUS, X = string.byte('-+x', 1, 3)
local bound = higher(higher(floor, flush), late)
-- The record of a key about which there is no question, empty where there is none; false for all others.
local function plainRecord(key, bucket)
  local name = nameOf(key)
  local found = call('HMGET', current .. bucket, name, 'f')
  if found[2] ~= '' then return false end
  local record = found[1]
  if not record and hasPrevious then
    local before = call('HMGET', previous .. bucket, name, 'f')
    if before[2] ~= '' and (before[2] or call('GETBIT', previousBits, bucket) == 1) then return false end
    record = before[1]
  end
  if not record then return '' end
  local kind, journal = string.byte(record, 25, 26)
  local known = journal == MINUS and (kind == PLUS or kind == MINUS or kind == X)
  return known and flush < record and (floor < record or floor == born) and record
end

local function expiresSoon(left)
  return #left > 1 and tonumber(sub(left, 2)) <= nowMs + SHORT_LIVED_MS
end

local function overwriteOne(stamp, bucket, left, key, value)
  local first = #ARGV + 1
  if left == '-' then
    ARGV[first], ARGV[first + 1] = 'UNLINK', key
  else
    ARGV[first], ARGV[first + 1], ARGV[first + 2] = 'SET', key, value
    if left ~= '+' then ARGV[first + 3], ARGV[first + 4] = 'PXAT', sub(left, 2) end
  end
  return overwrite({ r = recordOf(key, bucket), stamp = stamp, left = left, first = first, last = #ARGV })
end

local stamps, texts = {}, {}
local function overwriteAll()
  local steps = { struct.unpack('>' .. string.rep('c24Bc0Bc0I4c0I4c0', ARGV[6]), ARGV[7]) }
  local outcomes, plain, count = {}, {}, #steps - 1
  for i = 1, count, 5 do
    local key = steps[i + 3]
    if plain[key] == nil then plain[key] = plainRecord(key, steps[i + 1]) end
    if expiresSoon(steps[i + 2]) then plain[key] = false end
  end
  -- Where a key is plain, its newest overwrite so far takes the place of its record.
  local s = 0
  for i = 1, count, 5 do
    local stamp, key = steps[i], steps[i + 3]
    local newer = plain[key]
    s = s + 1
    stamps[s] = stamp
    if newer and stamp <= (steps[newer] or newer) then
      outcomes[s] = 's'
    elseif not newer or stamp <= (newer == '' and bound or purged) then
      plain[key] = false
      outcomes[s], texts[s] = overwriteOne(unpack(steps, i, i + 4))
    else
      outcomes[s], plain[key] = 'a', i
    end
  end
  local set, unset, failed = { 'MSET' }, { 'UNLINK' }, {}
  local function run(list, step)
    local outcome, text = outcomeOf(redis.pcall(unpack(list)))
    if outcome == 'a' then return end
    for i = 2, #list, step do failed[list[i]] = { outcome, text } end
  end
  use(0)
  for i = 1, count, 5 do
    local left, key = steps[i + 2], steps[i + 3]
    if plain[key] == i then
      if left == '+' then
        set[#set + 1] = key
        set[#set + 1] = steps[i + 4]
      elseif left == '-' then
        unset[#unset + 1] = key
      else
        run({ 'SET', key, steps[i + 4], 'PXAT', sub(left, 2) }, 5)
      end
    end
  end
  if #set > 1 then run(set, 2) end
  if #unset > 1 then run(unset, 1) end
  use(1)
  for i = 1, count, 5 do
    local left, key = steps[i + 2], steps[i + 3]
    if failed[key] then
      s = (i + 4) / 5
      if outcomes[s] == 'a' then outcomes[s], texts[s] = failed[key][1], failed[key][2] end
    elseif plain[key] == i then
      local record = steps[i]
      if left == '-' then
        record = record .. '--'
      elseif left == '+' then
        record = record .. '+-' .. valuePrint(steps[i + 4])
      else
        record = record .. 'x-' .. sub(left, 2) .. ':' .. valuePrint(steps[i + 4])
      end
      call('HSET', current .. steps[i + 1], nameOf(key), record)
    end
  end
  return outcomes
end
`;
