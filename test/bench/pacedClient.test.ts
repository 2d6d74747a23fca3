import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { askPaced } from "../../bench/pacedClient";
import { Server } from "../../local/servers";

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(() => server?.stop());

test("while a server is silent as many requests go out as ever, and each waits as long as it has to", async () => {
  const redis = new Redis(server.url);
  const asked = askPaced(server.url, 1000);
  await setTimeout(200);
  await redis.client("PAUSE", 600, "ALL");
  const { requests, p50Ms, p99Ms, maxMs } = await asked;
  redis.disconnect();
  expect(requests).toBe(Number(await counted()));
  // Three fifths of the time: more than half of the requests met the silence.
  expect(requests).toBeGreaterThan(100);
  expect(p50Ms).toBeGreaterThan(20);
  expect(p99Ms).toBeGreaterThan(400);
  expect(maxMs).toBeLessThan(5000);
});

test("an error is no answer", async () => {
  await expect(askPaced(server.url.replace(/:[^:]*@/, ":wrong@"), 50)).rejects.toThrow("answered with -");
});

async function counted(): Promise<string | null> {
  const redis = new Redis(server.url);
  try {
    return await redis.get("small");
  } finally {
    redis.disconnect();
  }
}
