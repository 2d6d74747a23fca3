import { expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { randomCommand } from "../../chaos/commands";
import { keys, keysIn } from "../../chaos/keys";
import { ENVELOPE_BYTES, LargeCommands, wordsOf } from "../../chaos/largeCommands";
import { Random } from "../../chaos/random";
import { type Schedule, schedule } from "../../chaos/schedule";
import { rulesFor } from "../../shim/commands/policy";
import { normalise } from "../../shim/replication/normalisation";
import { PURGE } from "../../shim/replication/purge";
import { specificationsOf } from "../support/commands";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer, Server } from "../support/servers";

/** What docs/consistency.md says to run in the order of arrival. */
const unordered = [
  ...["BITOP", "COPY", "MSETEX", "MSETNX", "PFMERGE", "RENAME", "RENAMENX", "SMOVE"],
  ...["SDIFFSTORE", "SINTERSTORE", "SUNIONSTORE", "ZDIFFSTORE", "ZINTERSTORE", "ZRANGESTORE", "ZUNIONSTORE"],
  ...["SPOP", "XAUTOCLAIM", "XCLAIM", "XREADGROUP"],
];
/** Containers of which every part but XGROUP's reads. */
const reading = ["OBJECT", "XINFO"];
/** Vector sets: Redis 8 has them, most clusters do not. */
const ofModules = ["VADD", "VREM", "VSETATTR"];

/** So many schedules have each kind a dozen times. */
const SEEDS = 250;
const STEPS = 80;
/** Of all runs of a kind, which are fewer the more commands a server has: with Valkey 9.1 one has 14 %. */
const MIN_SHARE = 0.12;

/** What is under the keys, and when they expire. */
const LOOK = `
local all = {}
for _, key in ipairs(KEYS) do
  table.insert(all, (redis.call('DUMP', key) or '') .. ' ' .. redis.call('PEXPIRETIME', key))
end
return redis.sha1hex(table.concat(all, ' '))`;
const DELETE = `for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end`;

/** What clients send, but purges of no key at all. */
function linesOf({ steps }: Schedule): readonly string[] {
  const lines = steps.flatMap((step) => (step.kind === "write" || step.kind === "upload" ? step.line : []));
  return lines.filter((line) => !line.startsWith(`${PURGE} none`));
}

/** Runs commands one after the other at instants to come: what expires soon does not. Tells of each if it changed something. */
function replay(
  client: Redis,
  lines: readonly string[],
): Promise<readonly (readonly [kind: string, changed: boolean])[]> {
  const runs = lines.map(async (line, index) => {
    const words = wordsOf(line);
    const [name, changing] = [String(words[0]), keysIn(words)];
    const [command, ...args] = normalise(name, words, { ms: 2e12 + index, counter: 0, origin: 1 });
    const before = client.eval(LOOK, changing.length, ...changing);
    // An error is no change either.
    if (name === PURGE) void client.eval(DELETE, changing.length, ...changing);
    else void client.call(String(command), ...args).catch(() => undefined);
    const after = client.eval(LOOK, changing.length, ...changing);
    return [name === "XGROUP" ? `${name} ${words[1]}` : name, (await before) !== (await after)] as const;
  });
  return Promise.all(runs);
}

describeWithServer("commands of chaos", () => {
  it("are of every kind that database 1 accepts from this server, but those that run in the order of arrival", async () => {
    const server = await Server.start();
    try {
      const known = await specificationsOf(server);
      const accepted = known.filter((each) => /^(accept|container)$/.test(rulesFor(each, []).virtual));
      const random = new Random(1);
      const names = new Set(known.map(({ name }) => name));
      const generated = Array.from({ length: 20_000 }, () => randomCommand(random, names).split(" ", 1).join());
      const left = accepted
        .map(({ name }) => name)
        .filter((name) => ![...unordered, ...reading, ...ofModules].includes(name));
      expect([...new Set(generated)].sort()).toEqual(left.sort());
    } finally {
      await server.stop();
    }
  });

  it("change something, each kind of them often enough to show where a region would have it otherwise", async () => {
    const server = await ConnectedServer.start();
    try {
      const client = server.connect();
      const known = new Set([...(await specificationsOf(server)).map(({ name }) => name), PURGE]);
      const kinds = new Map<string, { runs: number; effective: number }>();
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        await client.flushall();
        for (const [kind, changed] of await replay(client, linesOf(schedule(seed, STEPS, known)))) {
          const { runs, effective } = kinds.get(kind) ?? { runs: 0, effective: 0 };
          kinds.set(kind, { runs: runs + 1, effective: effective + (changed ? 1 : 0) });
        }
      }
      const shares = [...kinds].map(([kind, { runs, effective }]) => ({ kind, runs, share: effective / runs }));
      expect(kinds.size).toBeGreaterThan(60);
      expect(shares.filter(({ share }) => share < MIN_SHARE)).toEqual([]);
    } finally {
      await server.close();
    }
  });

  it("are too large for an envelope where they are to be", () => {
    const all = new LargeCommands(new Random(1), { has: () => true });
    for (let count = 0; count < 50; count += 1) {
      const words = wordsOf(all.next() ?? "@2300.1");
      const bytes = words.reduce((sum, { length }) => sum + length, 0);
      expect(bytes).toBeGreaterThan((ENVELOPE_BYTES * 3) / 4 - 100);
      expect(bytes).toBeLessThan(4 * ENVELOPE_BYTES);
    }
  });

  it("purge where the shims know how, by patterns that mean here what they mean to a server", async () => {
    const server = await Server.start();
    const client = new Redis(server.url);
    try {
      await client.mset(Object.fromEntries(keys.map((key) => [key, ""])));
      const random = new Random(1);
      const lines = Array.from({ length: 20_000 }, () => randomCommand(random, { has: () => true }));
      const patterns = new Set(lines.flatMap((line) => (line.startsWith("FLY.PURGE ") ? line.slice(10) : [])));
      expect(patterns.size).toBeGreaterThan(40);
      for (const pattern of patterns) {
        const matching = [...keysIn(wordsOf(`FLY.PURGE ${pattern}`))].sort();
        expect([pattern, matching]).toEqual([pattern, (await client.keys(pattern)).sort()]);
      }
    } finally {
      client.disconnect();
      await server.stop();
    }
  });

  it("name their keys, and carry bytes as hexadecimal digits", () => {
    expect(keys).toContain("counter");
    expect(wordsOf("RESTORE k 0 0x00ff")).toEqual([
      ...["RESTORE", "k", "0"].map((word) => Buffer.from(word)),
      Buffer.from([0, 255]),
    ]);
    expect(wordsOf("APPEND k @3000.7")[2]).toHaveLength(3000);
    expect(wordsOf("HSET k #fields.3.1")).toHaveLength(8);
  });
});
