// What all regions should hold in the end: the commands on each key, run in the order of their stamps on a plain server.
// It shares nothing with the replay but the way in which a command is normalised.

import type { StampedCommand } from "@redis-on-fly/shim/dist/replication/envelope";
import { PURGE } from "@redis-on-fly/shim/dist/replication/purge";
import { stampText } from "@redis-on-fly/shim/dist/replication/stamp";
import type { Redis } from "ioredis";

/** The visible content of a key, comparable as text; undefined where there is none. */
export type Content = string | undefined;

/** Expiries are run this far in the future, so that none takes effect before its turn. */
const AHEAD_MS = 1e13;

/** Reads keys of a server as text. */
export async function contents(server: Redis, keys: readonly string[]): Promise<Map<string, Content>> {
  return new Map(await Promise.all(keys.map(async (key) => [key, await content(server, key)] as const)));
}

/** Whether there is something, and its key expires. */
export function expires(content: Content): boolean {
  return JSON.parse(content ?? "[]")[2] > 0;
}

/** The type, the value, and when the key expires, in ms since 1970, or -1. */
async function content(server: Redis, key: string): Promise<Content> {
  const [type, expiry] = [await server.type(key), await server.pexpiretime(key)];
  const value = await read(server, key, type).catch((error: Error) => {
    // The time of a stream that is asked after several times may come in between.
    if (/no such key/i.test(error.message)) return undefined;
    throw error;
  });
  return value === undefined ? undefined : JSON.stringify([type, value, expiry]);
}

/** Only of fields that expire; servers before Redis 7.4 and Valkey 9 have none. */
async function fieldExpiries(server: Redis, key: string): Promise<Map<string, number>> {
  const fields = (await server.type(key)) === "hash" ? await server.hkeys(key) : [];
  if (fields.length === 0) return new Map();
  const instants = (await server
    .call("HPEXPIRETIME", key, "FIELDS", fields.length, ...fields)
    .catch(() => [])) as number[];
  return new Map(instants.flatMap((instant, index) => (instant > 0 ? [[fields[index] ?? "", instant]] : [])));
}

async function read(server: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case "string":
      return (await server.getBuffer(key))?.toString("latin1");
    case "list":
      return server.lrange(key, 0, -1);
    case "set":
      return (await server.smembers(key)).sort();
    case "zset":
      return server.zrange(key, "0", "-1", "WITHSCORES");
    case "hash": {
      const fields = Object.entries(await server.hgetall(key)).sort();
      // Whose fields have all expired is still there until the server comes past.
      return fields.length === 0 ? undefined : [fields, [...(await fieldExpiries(server, key))].sort()];
    }
    case "stream":
      return [await server.xrange(key, "-", "+"), await streamIds(server, key), await groupsOf(server, key)];
    default:
      return undefined;
  }
}

/** What a stream remembers of entries that it has no more. */
async function streamIds(server: Redis, key: string): Promise<unknown[]> {
  const facts = (await server.xinfo("STREAM", key)) as unknown[];
  return ["last-generated-id", "max-deleted-entry-id", "entries-added"].map((name) => facts[facts.indexOf(name) + 1]);
}

/** With who has not acknowledged what, but not since when: that is when a region replayed it. */
async function groupsOf(server: Redis, key: string): Promise<unknown[]> {
  const groups = (await server.xinfo("GROUPS", key)) as [string, string, ...unknown[]][];
  return Promise.all(
    groups.map(async (group) => {
      const consumers = (await server.xinfo("CONSUMERS", key, group[1])) as [string, string, ...unknown[]][];
      const pending = (await server.xpending(key, group[1], "-", "+", 100)) as [string, string, number, number][];
      const names = consumers.map(([, name]) => name).sort();
      return [group, names, pending.map(([id, consumer, , deliveries]) => [id, consumer, deliveries])];
    }),
  );
}

/** Of KEYS removes those, and their fields, whose time has come by the instant ARGV[1]. */
const REMOVE_EXPIRED = `
local function passed(instant) return instant > 0 and instant <= tonumber(ARGV[1]) end
for _, key in ipairs(KEYS) do
  if passed(redis.call('PEXPIRETIME', key)) then redis.call('DEL', key) end
  local fields = redis.call('TYPE', key).ok == 'hash' and redis.call('HKEYS', key) or {}
  local instants = redis.pcall('HPEXPIRETIME', key, 'FIELDS', #fields, unpack(fields))
  for i, field in ipairs(fields) do
    if not instants.err and passed(instants[i]) then redis.call('HDEL', key, field) end
  end
end`;

/**
 * Runs an XADD that was sent without an ID, which ARGV[1] says the place of: where the stream has come further than the ID that
 * it has instead, the server would have taken the next one.
 */
const ADD_ENTRY = `
local words = { unpack(ARGV, 2) }
local reply, facts = redis.pcall(unpack(words)), redis.pcall('XINFO', 'STREAM', words[2])
if type(reply) == 'table' and reply.err and not facts.err then
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then words[ARGV[1] + 1] = string.gsub(facts[i + 1], '-.*', '-*') end
  end
  redis.pcall(unpack(words))
end`;

/** What a purge does to the keys: each that matches, by the server's own reading of the pattern, is overwritten by nothing. */
const DELETE_MATCHING = `for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end`;

/**
 * Runs commands in the order of their stamps, each once, on an empty server.
 *
 * @returns until when, in ms since 1970, the server holds what they leave at the instant `nowMs`: something expires then
 */
export async function fold(server: Redis, commands: readonly StampedCommand[], nowMs: number): Promise<number> {
  const inOrder = [...new Map(commands.map((command) => [stampText(command.stamp), command] as const))].sort(
    ([a], [b]) => (a < b ? -1 : 1),
  );
  const removeExpired = (ms: number, keys: readonly (Buffer | string)[]) =>
    server.eval(REMOVE_EXPIRED, keys.length, ...keys, ms + AHEAD_MS);
  await server.flushall();
  const replies = inOrder.flatMap(([, { stamp, args }]) => {
    if (String(args[0]) === PURGE) return [server.eval(DELETE_MATCHING, 0, args[1] ?? "")];
    // Of its own keys alone: a stamp may be ahead of the time at which others expire.
    const removed = removeExpired(stamp.ms, args.slice(1));
    const entry = args.findIndex((arg) => String(arg) === `${stamp.ms}-${stamp.counter * 2 ** 32 + stamp.origin}`);
    if (entry > 0) return [server.eval(ADD_ENTRY, 0, entry, ...args)];
    const words = args.map((arg, index) => (isInstant(args, index) ? Buffer.from(later(arg)) : arg));
    // An error of the data is part of the result.
    const reply = server.call(String(words[0]), ...words.slice(1)).catch(() => undefined);
    return [removed, reply];
  });
  await Promise.all(replies);
  await removeExpired(nowMs, await server.keys("*"));
  let untilMs = Number.POSITIVE_INFINITY;
  for (const key of await server.keys("*")) {
    const expiry = await server.pexpiretime(key);
    const fields = await fieldExpiries(server, key);
    if (expiry > 0) await server.pexpireat(key, expiry - AHEAD_MS);
    for (const [field, instant] of fields) {
      await server.call("HPEXPIREAT", key, instant - AHEAD_MS, "FIELDS", 1, field);
    }
    untilMs = Math.min(untilMs, ...[expiry, ...fields.values()].filter((ms) => ms > 0).map((ms) => ms - AHEAD_MS));
  }
  return untilMs;
}

function isInstant(args: readonly Buffer[], index: number): boolean {
  const name = String(args[0]);
  if (/^H?PEXPIREAT$/.test(name)) return index === 2;
  if (name === "RESTORE") return index === 2 && String(args[2]) !== "0";
  return /^(SET|GETEX|HSETEX|HGETEX)$/.test(name) && String(args[index - 1]) === "PXAT";
}

function later(instant: Buffer): string {
  return String(BigInt(String(instant)) + BigInt(AHEAD_MS));
}
