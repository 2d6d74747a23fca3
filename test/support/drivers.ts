// Stock drivers behind one small face, so that one test runs with each of them. Each gets the URL and nothing else that
// an application would not set.
import Ioredis5 from "ioredis-5";
import Ioredis6 from "ioredis-6";
import { commandOptions, createClient as createClient4 } from "redis-4";
import { createClient as createClient5, RESP_TYPES as types5 } from "redis-5";
import { createClient as createClient6, RESP_TYPES as types6 } from "redis-6";

/** What the tests ask of a driver. */
export interface DriverClient {
  set(key: string | Buffer, value: string | Buffer): Promise<unknown>;
  get(key: string | Buffer): Promise<Buffer | null>;
  del(...keys: string[]): Promise<unknown>;
  /** Sends any command. */
  call(...words: string[]): Promise<unknown>;
  /** Several commands at once; errors take the place of their replies. */
  pipeline(...commands: string[][]): Promise<unknown[]>;
  close(): Promise<unknown>;
}

/** Connects a driver to a database of `FLY_REDIS_CACHE_URL`. */
export type Connect = (url: string, database: 0 | 1) => Promise<DriverClient>;

function ioredis(Driver: typeof Ioredis5 | typeof Ioredis6): Connect {
  return async (url, db) => {
    const driver = new (Driver as typeof Ioredis5)(url, { db, lazyConnect: true });
    await driver.connect();
    return {
      set: (key, value) => driver.set(key, value),
      get: (key) => driver.getBuffer(key),
      del: (...keys) => driver.del(...keys),
      call: (name, ...rest) => driver.call(name ?? "", ...rest),
      pipeline: async (...commands) => {
        const replies = await driver.pipeline(commands.map(([name = "", ...rest]) => ["call", name, ...rest])).exec();
        return (replies ?? []).map(([error, reply]) => error ?? reply);
      },
      close: () => driver.quit(),
    };
  };
}

function settled(replies: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return replies.map((reply) => (reply.status === "fulfilled" ? reply.value : reply.reason));
}

const redis4: Connect = async (url, database) => {
  const driver = createClient4({ url, database });
  await driver.connect();
  return {
    set: (key, value) => driver.set(key, value),
    get: (key) => driver.get(commandOptions({ returnBuffers: true }), key),
    del: (...keys) => driver.del(keys),
    call: (...words) => driver.sendCommand(words),
    pipeline: async (...commands) =>
      settled(await Promise.allSettled(commands.map((words) => driver.sendCommand(words)))),
    close: () => driver.quit(),
  };
};

/** Versions 5 and 6, which are alike in all that is asked of them here. */
function nodeRedis(create: typeof createClient5, types: typeof types5): Connect {
  return async (url, database) => {
    const driver = create({ url, database });
    await driver.connect();
    const buffers = driver.withTypeMapping({ [types.BLOB_STRING]: Buffer });
    return {
      set: (key, value) => driver.set(key, value),
      get: (key) => buffers.get(key),
      del: (...keys) => driver.del(keys),
      call: (...words) => driver.sendCommand(words),
      pipeline: async (...commands) =>
        settled(await Promise.allSettled(commands.map((words) => driver.sendCommand(words)))),
      close: () => driver.close(),
    };
  };
}

/** Every driver by its name and major version. */
export const drivers: readonly (readonly [name: string, connect: Connect])[] = [
  ["ioredis 5", ioredis(Ioredis5)],
  ["ioredis 6", ioredis(Ioredis6)],
  ["node-redis 4", redis4],
  ["node-redis 5", nodeRedis(createClient5, types5)],
  ["node-redis 6", nodeRedis(createClient6 as unknown as typeof createClient5, types6)],
];
