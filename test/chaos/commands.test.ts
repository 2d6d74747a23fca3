import { expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { randomCommand } from "../../chaos/commands";
import { keys, keysIn } from "../../chaos/keys";
import { ENVELOPE_BYTES, LargeCommands, wordsOf } from "../../chaos/largeCommands";
import { Random } from "../../chaos/random";
import { rulesFor } from "../../shim/commands/policy";
import { specificationsOf } from "../support/commands";
import { describeWithServer, Server } from "../support/servers";

/** What docs/consistency.md says to run in the order of arrival. */
const unordered = [
  ...["BITOP", "COPY", "MSETNX", "PFMERGE", "RENAME", "RENAMENX", "SMOVE"],
  ...["SDIFFSTORE", "SINTERSTORE", "SUNIONSTORE", "ZDIFFSTORE", "ZINTERSTORE", "ZRANGESTORE", "ZUNIONSTORE"],
  ...["SPOP", "XAUTOCLAIM", "XCLAIM", "XREADGROUP"],
];
/** Containers of which every part but XGROUP's reads. */
const reading = ["OBJECT", "XINFO"];
/** Vector sets: Redis 8 has them, most clusters do not. */
const ofModules = ["VADD", "VREM", "VSETATTR"];

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
