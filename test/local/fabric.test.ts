// A fabric in this process: what every test of the whole path stands on.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { Fabric } from "../../local/fabric";
import { startFabric } from "../support/fabric";
import { describeWithServer } from "../support/servers";

describeWithServer("a fabric", () => {
  const clients: Redis[] = [];
  let fabric: Fabric;

  beforeAll(async () => {
    fabric = await startFabric({ regions: ["us-east-1", "eu-west-1"], shims: 2 });
  });

  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await fabric.stop();
  });

  function connect(url: string, db = 0): Redis {
    const client = new Redis(url, { db, disconnectTimeout: 100 });
    clients.push(client);
    return client;
  }

  test("has its regions in the order asked for, with a URL per shim", () => {
    expect(fabric.regions.map(({ name }) => name)).toEqual(["us-east-1", "eu-west-1"]);
    const urls = fabric.regions.flatMap((region) => region.shims.map((shim) => fabric.url(region, shim)));
    expect(new Set(urls).size).toBe(4);
  });

  test("joins its regions: a write on database 1 at one shim arrives in the other region's server", async () => {
    const [here, there] = fabric.regions;
    await connect(fabric.url(here!, here!.shims[1]!), 1).set("greeting", "hello");
    const server = connect(there!.server.url);
    while ((await server.get("greeting")) === null);
    expect(await connect(fabric.url(there!)).get("greeting")).toBe("hello");
  });

  test("replaces a shim on the same server and bus", async () => {
    const [here] = fabric.regions;
    await connect(fabric.url(here!)).set("kept", "value");
    await here!.shims[0]!.stop();
    const shim = await fabric.startShim(here!);
    expect(await connect(fabric.url(here!, shim)).get("kept")).toBe("value");
  });
});
