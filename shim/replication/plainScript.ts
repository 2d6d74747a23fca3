// The Lua that applies overwrites by the dozen: where nothing is in question about a key, its record is read and written,
// and nothing else; all values go to the server in one MSET. That is what the speed of replay comes from.

import type { EncodedCommand, Span } from "./encodedCommand";
import { bucketOf } from "./recordScript";
import type { ReplayStep } from "./replaySteps";
import { STAMP_LENGTH, type Stamp } from "./stamp";

/** A step that goes this way. */
export type PlainStep = Extract<ReplayStep, { kind: "overwrite" }>;

const VALUE_INDEX = 2;
const UNTIL_INDEX = 4;
/** A stamp, the lengths of all else, a bucket's digits, and a letter with an instant's. */
const HEAD_BYTES = STAMP_LENGTH + 1 + 5 + 1 + 1 + 20 + 4 + 4;
const digits = Buffer.from("0123456789abcdef");
const nothing = Buffer.alloc(0);
/** Copying more than so many bytes is better left to Node.js. */
const FEW_BYTES = 128;

/**
 * Overwrites as {@link plainOverwrites} takes them: stamp, then the key's bucket, what is left, the key and the value, each
 * after its length. One argument costs the server and the driver less than seven for each of them.
 */
class Packing {
  private readonly packed: Buffer;
  private end = 0;

  /** @param bytes - of all keys and values. */
  constructor(overwrites: number, bytes: number) {
    this.packed = Buffer.allocUnsafe(overwrites * HEAD_BYTES + bytes);
  }

  get bytes(): Buffer {
    return this.packed.subarray(0, this.end);
  }

  add({ ms, counter, origin }: Stamp, leaves: string, keys: Buffer, key: Span, values: Buffer, value: Span): void {
    const { packed } = this;
    const high = Math.floor(ms / 2 ** 24);
    this.writeHex(high, 6);
    this.writeHex(ms - high * 2 ** 24, 6);
    this.writeHex(counter, 4);
    this.writeHex(origin, 8);
    this.writeShort(String(bucketOf(keys, key.start, key.end)));
    this.writeShort(leaves);
    this.end = packed.writeUInt32BE(key.end - key.start, this.end);
    this.copy(keys, key);
    this.end = packed.writeUInt32BE(value.end - value.start, this.end);
    this.copy(values, value);
  }

  /** Digits of up to 32 bits. */
  private writeHex(value: number, length: number): void {
    for (let shift = 4 * (length - 1); shift >= 0; shift -= 4) {
      this.packed[this.end++] = digits[(value >>> shift) & 15] ?? 0;
    }
  }

  private writeShort(text: string): void {
    this.packed[this.end++] = text.length;
    for (let index = 0; index < text.length; index++) this.packed[this.end++] = text.charCodeAt(index);
  }

  private copy(from: Buffer, { start, end }: Span): void {
    if (end - start > FEW_BYTES) this.end += from.copy(this.packed, this.end, start, end);
    else for (let at = start; at < end; at++) this.packed[this.end++] = from[at] ?? 0;
  }
}

/** See {@link Packing}. */
export function packSteps(steps: readonly PlainStep[]): Buffer {
  const bytes = steps.reduce((sum, { args }) => sum + args.reduce((all, { length }) => all + length, 0), 0);
  const packing = new Packing(steps.length, bytes);
  for (const { stamp, key, leaves, args } of steps) {
    const value = args[VALUE_INDEX] ?? nothing;
    packing.add(stamp, leaves, key, { start: 0, end: key.length }, value, { start: 0, end: value.length });
  }
  return packing.bytes;
}

/** See {@link Packing}; every command has an {@link EncodedCommand.overwriteShape}. */
export function packCommands(commands: readonly EncodedCommand[]): Buffer {
  const packing = new Packing(
    commands.length,
    commands.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  for (const command of commands) {
    const { body, overwriteShape } = command;
    const key = command.span(1);
    if (overwriteShape === "unlink") {
      packing.add(command, "-", body, key, body, { start: 0, end: 0 });
      continue;
    }
    const until = overwriteShape === "set until" ? command.span(UNTIL_INDEX) : undefined;
    const leaves = until ? `x${body.toString("latin1", until.start, until.end)}` : "+";
    packing.add(command, leaves, body, key, body, command.span(VALUE_INDEX));
  }
  return packing.bytes;
}

/**
 * Follows `overwrite`, which takes what has to be asked more about. ARGV[6] and ARGV[7]: how many overwrites, and what
 * {@link packSteps} or {@link packCommands} made of them. Nothing is written before all records were read: changing databases costs as much as
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
  return guarded({ r = recordOf(key, bucket), stamp = stamp, left = left, first = first, last = #ARGV }, overwrite)
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
