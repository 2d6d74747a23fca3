// What all regions should hold in the end: the commands on each key, run in the order of their stamps on a plain server.
// It shares nothing with the replay but the way in which a command is normalised.

import type { StampedCommand } from "@redis-on-fly/shim/dist/replication/envelope";
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

async function content(server: Redis, key: string): Promise<Content> {
  const [type, expiry] = [await server.type(key), await server.pexpiretime(key)];
  const value = await read(server, key, type);
  return value === undefined ? undefined : JSON.stringify([type, value, expiry]);
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
    case "hash":
      return Object.entries(await server.hgetall(key)).sort();
    case "stream":
      return [await server.xrange(key, "-", "+"), await server.call("XINFO", "GROUPS", key)];
    default:
      return undefined;
  }
}

/** Runs commands in the order of their stamps, each once, on an empty server. */
export async function fold(server: Redis, commands: readonly StampedCommand[], nowMs: number): Promise<void> {
  const inOrder = [...new Map(commands.map((command) => [stampText(command.stamp), command] as const))].sort(
    ([a], [b]) => (a < b ? -1 : 1),
  );
  await server.flushall();
  for (const [, { stamp, args }] of inOrder) {
    await removeExpired(server, stamp.ms);
    const words = args.map((arg, index) => (isInstant(args, index) ? Buffer.from(later(arg)) : arg));
    // An error of the data is part of the result.
    await server.call(String(words[0]), ...words.slice(1)).catch(() => undefined);
  }
  await removeExpired(server, nowMs);
  for (const key of await server.keys("*")) {
    const expiry = await server.pexpiretime(key);
    if (expiry > 0) await server.pexpireat(key, expiry - AHEAD_MS);
  }
}

async function removeExpired(server: Redis, nowMs: number): Promise<void> {
  for (const key of await server.keys("*")) {
    const expiry = await server.pexpiretime(key);
    if (expiry > 0 && expiry - AHEAD_MS <= nowMs) await server.del(key);
  }
}

function isInstant(args: readonly Buffer[], index: number): boolean {
  if (String(args[0]) === "PEXPIREAT") return index === 2;
  return /^(SET|GETEX)$/.test(String(args[0])) && String(args[index - 1]) === "PXAT";
}

function later(instant: Buffer): string {
  return String(BigInt(String(instant)) + BigInt(AHEAD_MS));
}
