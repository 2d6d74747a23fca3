import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { Pace } from "../../bench/pace";
import { ValueClient } from "../../bench/valueClient";
import { Server } from "../../local/servers";

const BYTES = 1_000_003;
let server: Server;
let redis: Redis;
let client: ValueClient;

beforeAll(async () => {
  server = await Server.start();
  redis = new Redis(server.url);
  client = await ValueClient.connect(server.url);
});

afterAll(async () => {
  client?.close();
  redis?.disconnect();
  await server?.stop();
});

test("a value comes back as it went, and one that is not there does not", async () => {
  await client.set("value", BYTES);
  expect(await redis.strlen("value")).toBe(BYTES);
  await client.get("value", BYTES);
  await expect(client.get("another", BYTES)).rejects.toThrow("GET was answered with $-1");
});

test("one byte that is another, or in another place, is noticed", async () => {
  await client.set("value", BYTES);
  await redis.setrange("value", BYTES - 1, "\u0007");
  const reader = await ValueClient.connect(server.url);
  await expect(reader.get("value", BYTES)).rejects.toThrow("GET value brought other bytes than were set");
  reader.close();
});

test("a refused client is told why", async () => {
  await expect(ValueClient.connect(server.url.replace(/:[^:]*@/, ":wrong@"))).rejects.toThrow("WRONGPASS");
});

test("a pace is kept in both directions", async () => {
  const startedMs = performance.now();
  await client.set("value", BYTES, new Pace(4 * BYTES));
  const setMs = performance.now() - startedMs;
  await client.get("value", BYTES, new Pace(4 * BYTES));
  const getMs = performance.now() - startedMs - setMs;
  for (const ms of [setMs, getMs]) expect(ms).toBeGreaterThan(200);
});
