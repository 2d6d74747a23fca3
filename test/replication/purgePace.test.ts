import { expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { PURGE, Purger } from "../../shim/replication/purge";
import { Replayer } from "../../shim/replication/replayer";
import { describeWithServer, Server } from "../support/servers";

const horizonMs = 600_000;
const KEYS = 3000;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

describeWithServer("a purge of many keys", () => {
  it("leaves the server half of its time for others, and counts what it has deleted", async () => {
    const server = await Server.start();
    const cluster = new Redis(server.url);
    const pages: { readonly beganAtMs: number; endedAtMs: number }[] = [];
    const scan = cluster.callBuffer.bind(cluster) as (...args: unknown[]) => Promise<unknown>;
    cluster.callBuffer = ((...args: unknown[]) => {
      const beganAtMs = performance.now();
      pages.push({ beganAtMs, endedAtMs: beganAtMs });
      return scan(...args);
    }) as typeof cluster.callBuffer;
    const counts: number[] = [];
    const purged = (_purge: string, keys: number) => {
      pages.at(-1)!.endedAtMs = performance.now();
      counts.push(keys);
    };
    try {
      await cluster.mset(Object.fromEntries(Array.from({ length: KEYS }, (_, index) => [`page:${index}`, "v"])));
      await cluster.set("other", "v");
      const replayer = new Replayer(cluster, horizonMs, { ms: 0, counter: 0, origin: 0 });
      const stamp = { ms: Date.now(), counter: 0, origin: 1 };
      const args = [PURGE, "page:*"].map((word) => Buffer.from(word));
      await new Purger({ cluster, replayer, horizonMs, purged }).run({ stamp, args });
      expect(await cluster.keys("*")).toEqual(["other"]);
      expect(sum(counts)).toBe(KEYS);
      expect(pages.length).toBeGreaterThan(5);
      const busyMs = pages.slice(0, -1).map(({ beganAtMs, endedAtMs }) => endedAtMs - beganAtMs);
      const pausesMs = pages.slice(1).map(({ beganAtMs }, index) => beganAtMs - pages[index]!.endedAtMs);
      // Timers may be early by what this process did meanwhile; without pauses next to nothing is between two pages.
      expect(sum(pausesMs)).toBeGreaterThan(sum(busyMs) / 2);
    } finally {
      cluster.disconnect();
      await server.stop();
    }
  });
});
