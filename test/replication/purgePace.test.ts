// Pauses are recorded and not waited for: how long they take is the timers' business.
import timers from "node:timers/promises";
import { expect, it, jest } from "@jest/globals";
import { PURGE, Purger } from "../../shim/replication/purge";
import { Replayer } from "../../shim/replication/replayer";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const horizonMs = 600_000;
const KEYS = 3000;

describeWithServer("a purge of many keys", () => {
  it("pauses after each page for as long as the page took, and counts what it has deleted", async () => {
    const server = await ConnectedServer.start();
    const cluster = server.connect();
    const sleep = jest.spyOn(timers, "setTimeout").mockResolvedValue(undefined);
    const tookMs: number[] = [];
    let beganAtMs = 0;
    let deleted = 0;
    const scan = cluster.callBuffer.bind(cluster) as (...args: unknown[]) => Promise<unknown>;
    cluster.callBuffer = ((...args: unknown[]) => {
      beganAtMs = performance.now();
      return scan(...args);
    }) as typeof cluster.callBuffer;
    const purged = (_purge: string, { applied }: { readonly applied: number }) => {
      tookMs.push(performance.now() - beganAtMs);
      deleted += applied;
    };
    try {
      await cluster.mset(Object.fromEntries(Array.from({ length: KEYS }, (_, index) => [`page:${index}`, "v"])));
      await cluster.set("other", "v");
      const replayer = new Replayer(cluster, horizonMs, { ms: 0, counter: 0, origin: 0 });
      const stamp = { ms: Date.now(), counter: 0, origin: 1 };
      const args = [PURGE, "page:*"].map((word) => Buffer.from(word));
      await new Purger({ cluster, replayer, purged }).run({ stamp, args });
      expect(await cluster.keys("*")).toEqual(["other"]);
      expect(deleted).toBe(KEYS);
      expect(tookMs.length).toBeGreaterThan(5);
      const pausesMs = sleep.mock.calls.map(([ms]) => ms);
      expect(pausesMs).toHaveLength(tookMs.length);
      for (const [page, ms] of pausesMs.entries()) expect(ms).toBeGreaterThanOrEqual(tookMs[page]!);
    } finally {
      sleep.mockRestore();
      await server.close();
    }
  });
});
