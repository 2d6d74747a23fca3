// Every driver, unchanged, through FLY_REDIS_CACHE_URL.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { documentedRefusals } from "../../shim/contract";
import { type DriverClient, drivers } from "../support/drivers";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { describeWithServer } from "../support/servers";

describeWithServer("drivers", () => {
  let fabric: Fabric;
  const clients: DriverClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric();
  });
  afterAll(() => fabric?.stop());
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  describe.each(drivers)("%s", (driver, connect) => {
    const prefix = `${driver}:`;

    async function open(region: number, database: 0 | 1): Promise<DriverClient> {
      const client = await connect(fabric.url(fabric.regions[region]!), database);
      clients.push(client);
      return client;
    }

    async function openAll(): Promise<{ regional: DriverClient[]; virtual: DriverClient }> {
      const regional = await Promise.all([open(0, 0), open(1, 0), open(2, 0)]);
      return { regional, virtual: await open(0, 1) };
    }

    test("keeps database 0 to its region", async () => {
      const { regional } = await openAll();
      await Promise.all(regional.map((client, index) => client.set(`${prefix}own`, `value ${index}`)));
      const values = await Promise.all(regional.map((client) => client.get(`${prefix}own`)));
      expect(values.map(String)).toEqual(["value 0", "value 1", "value 2"]);
    });

    test("pushes to and purges from every region by database 1", async () => {
      const { regional, virtual } = await openAll();
      expect(String(await virtual.set(`${prefix}pushed`, "everywhere"))).toBe("OK");
      for (const client of regional) {
        await eventually(async () => expect(String(await client.get(`${prefix}pushed`))).toBe("everywhere"));
      }
      await virtual.call("DEL", `${prefix}pushed`);
      for (const client of regional) {
        await eventually(async () => expect(await client.get(`${prefix}pushed`)).toBeNull());
      }
    });

    test("carries binary keys and values, on both databases", async () => {
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
      const key = Buffer.concat([Buffer.from(prefix), bytes]);
      const { regional, virtual } = await openAll();
      await regional[0]!.set(key, bytes);
      expect(await regional[0]!.get(key)).toEqual(bytes);
      await virtual.set(key, bytes.subarray(1));
      for (const client of regional) {
        await eventually(async () => expect(await client.get(key)).toEqual(bytes.subarray(1)));
      }
    });

    test("carries a value of 1 MB on database 0", async () => {
      const value = Buffer.alloc(1024 * 1024, "0123456789");
      const client = await open(0, 0);
      await client.set(`${prefix}large`, value);
      expect((await client.get(`${prefix}large`))?.equals(value)).toBe(true);
    });

    test("gets the replies of a mixed pipeline in order", async () => {
      const client = await open(0, 0);
      const key = `${prefix}mixed`;
      const replies = await client.pipeline(
        ["SET", key, "1"],
        ["MULTI"],
        ["PING"],
        ["INCR", key],
        ["SELECT", "1"],
        ["SET", key, "5"],
        ["GET", key],
        ["eval", "return 1", "0"],
        ["SELECT", "0"],
        ["GET", key],
        ["GET", `${key} missing`],
        ["INCR", key, "too many"],
      );
      expect(replies.map((reply) => (reply instanceof Error ? reply.message : reply))).toEqual([
        "OK",
        "ERR unknown command 'MULTI' (not supported by Redis on Fly)",
        "PONG",
        2,
        "OK",
        "OK",
        "OK",
        "ERR unknown command 'eval' (not supported by Redis on Fly)",
        "OK",
        "5",
        null,
        "ERR wrong number of arguments for 'incr' command",
      ]);
    });

    test.each([0, 1] as const)("is refused each documented command on database %d, and goes on", async (database) => {
      const client = await open(0, database);
      const names = Object.values(documentedRefusals).flat();
      const replies = await client.pipeline(...names.map((name) => [name, "a", "b"]), ["PING"]);
      expect(replies.map((reply) => (reply instanceof Error ? reply.message : reply))).toEqual([
        ...names.map((name) => `ERR unknown command '${name}' (not supported by Redis on Fly)`),
        "PONG",
      ]);
    });
  });
});
