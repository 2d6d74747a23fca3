// A region of a fabric: its server, and what is done to it. Time passes for its records by being told so.
import { Server } from "@redis-on-fly/local/dist/servers";
import type { Peer } from "@redis-on-fly/shim/dist/replication/regions";
import type { ScriptArguments } from "@redis-on-fly/shim/dist/replication/replayBatch";
import { rotationScript } from "@redis-on-fly/shim/dist/replication/rotationScript";
import { stampText } from "@redis-on-fly/shim/dist/replication/stamp";
import { Redis } from "ioredis";
import { Excuses } from "./excuses";
import { HORIZON_MS, hear, insides, type Shim, SPAN_MS } from "./shims";

/** How old the records of every schedule are when it begins. */
const BEGAN_MS = 120_000;
const RECORDS_MAX_BYTES = 1 << 26;

// SELECT inside a script ends with it.
const MOVE = `
redis.call('SELECT', 1)
for i = 2, #ARGV do
  if redis.call('HEXISTS', 'm', ARGV[i]) == 1 then redis.call('HINCRBY', 'm', ARGV[i], ARGV[1]) end
end
`;

const WAIT = `
redis.call('SELECT', 1)
for _, name in ipairs(redis.call('KEYS', 't*')) do
  if redis.call('HEXISTS', name, 'a') == 1 then redis.call('HINCRBY', name, 'a', -ARGV[1]) end
end
`;

/** One of all keys: of which database, a clock tells that has nothing to do with it. */
const EVICT = `
local sizes = {}
for database = 0, 1 do
  redis.call('SELECT', database)
  sizes[database] = redis.call('DBSIZE')
end
if sizes[0] + sizes[1] == 0 then return end
local turn = tonumber(redis.call('TIME')[2]) % (sizes[0] + sizes[1])
redis.call('SELECT', turn < sizes[0] and 0 or 1)
redis.call('UNLINK', redis.call('RANDOMKEY'))
`;

/** Opens a connection that may break. */
export function connect(server: Server): Redis {
  return new Redis(server.url, { disconnectTimeout: 100 }).on("error", () => {});
}

/** See the head of this file. */
export class ChaosRegion {
  readonly shims: Shim[] = [];
  readonly killed: Shim[] = [];
  skewMs = 0;
  excuses = new Excuses();

  private constructor(
    readonly name: string,
    readonly server: Server,
    readonly client: Redis,
  ) {}

  static async start(name: string): Promise<ChaosRegion> {
    const server = await Server.start();
    return new ChaosRegion(name, server, connect(server));
  }

  async stop(): Promise<void> {
    this.client.disconnect();
    await this.server.stop();
  }

  /** Begins anew. */
  async prepare(skewMs: number): Promise<void> {
    await this.client.flushall();
    // As if the region had been there for a while: a new server trusts nothing from before its time.
    const newest = stampText({ ms: Date.now() - BEGAN_MS, counter: 0, origin: 0 });
    const began = Date.now() - BEGAN_MS;
    const records = { newest, generation: 1, began, beganBefore: began - SPAN_MS };
    await this.client.multi().select(1).hset("m", records).select(0).exec();
    this.client.defineCommand("flyRotate", { lua: rotationScript, numberOfKeys: 0 });
    Object.assign(this, { skewMs, excuses: new Excuses() });
    this.killed.length = 0;
    this.shims.length = 0;
  }

  async restart(): Promise<void> {
    this.excuses.add("all", true);
    await this.server.stop("SIGKILL");
    await this.server.restart();
  }

  async evict(keys: number): Promise<void> {
    this.excuses.add("all");
    for (let count = 0; count < keys; count += 1) await this.client.eval(EVICT, 0);
  }

  async starve(bytes: number): Promise<void> {
    this.excuses.add("all");
    const used = /used_memory:(\d+)/.exec(await this.client.info("memory"))?.[1];
    await this.client.config("SET", "maxmemory", Number(used) - bytes);
    // The next write makes room first.
    await this.client.set("room", "").catch(() => undefined);
    await this.client.config("SET", "maxmemory", "256mb");
  }

  /**
   * Has the shims look after the records, as they do at every canary.
   *
   * @param passedMs - how far the fabric's time is ahead of the server's.
   * @param sinceMs - by how much since the records were looked after last.
   * @param peers - regions of which a canary has come.
   * @param full - whether records take up more than they may.
   * @returns up to when, in ms since 1970, what comes without a record is late now; undefined where nothing was dropped
   */
  async age(passedMs: number, sinceMs: number, peers: readonly Peer[], full: boolean): Promise<number | undefined> {
    await this.client.eval(MOVE, 0, -sinceMs, "waited", "tended");
    const [before] = await this.records("generation");
    for (const { replication } of this.shims) {
      const { regions, connection } = insides(replication);
      const { replayer } = connection;
      await hear(regions, peers);
      const lead = replayer.lead();
      const answer = await this.rotate(passedMs, [...lead, regions.heardMs() - passedMs, full ? 1 : RECORDS_MAX_BYTES]);
      // Where that fails the next time does.
      if (answer === "tend") await replayer.tend().catch(() => {});
    }
    const [generation, beganBefore] = await this.records("generation", "beganBefore");
    // A server that was empty has dropped nothing.
    if (before === null || generation === before) return undefined;
    this.excuses.rotated();
    return Number(beganBefore) + SPAN_MS - HORIZON_MS;
  }

  /** As if large commands had waited for their chunks for a horizon. */
  async waitForChunks(): Promise<void> {
    await this.client.eval(WAIT, 0, HORIZON_MS / 1000);
  }

  /** On the server's clock: in one step, since others go on in the fabric's time. */
  private async rotate(passedMs: number, args: ScriptArguments): Promise<string> {
    const transaction = this.client.multi().eval(MOVE, 0, -passedMs, "began", "beganBefore") as ReturnType<
      Redis["multi"]
    > & { flyRotate(...args: ScriptArguments): ReturnType<Redis["multi"]> };
    const results = await transaction
      .flyRotate(...args)
      .eval(MOVE, 0, passedMs, "began", "beganBefore")
      .exec();
    const [error, answer] = results?.[1] ?? [];
    if (error) throw error;
    return String(answer);
  }

  private async records(...fields: readonly string[]): Promise<readonly unknown[]> {
    const results = await this.client
      .multi()
      .select(1)
      .hmget("m", ...fields)
      .select(0)
      .exec();
    return (results?.[1]?.[1] ?? []) as readonly unknown[];
  }
}
