// A short run of `npm run fuzz`, always the same; the program itself runs long ones.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Duel } from "../../fuzz/duel";
import { memberVariables, streams, typedStreams } from "../../fuzz/streams";
import type { Fabric } from "../../local/fabric";
import { freePort } from "../../local/servers";
import { launchInProcess, startFabric } from "../support/fabric";
import { describeWithServer, Server } from "../support/servers";

const seed = 20_261_122;

describeWithServer("random and broken streams", () => {
  let fabric: Fabric;
  let server: Server;
  let typedPort: string;

  beforeAll(async () => {
    typedPort = String(await freePort());
    const variables = { ...memberVariables, FLY_REDIS_TYPED_PORT: typedPort };
    const launch = (environment: Readonly<Record<string, string>>) => launchInProcess({ ...environment, ...variables });
    [fabric, server] = await Promise.all([startFabric({ regions: ["eu-west-1"], launch }), Server.start()]);
  });
  afterAll(() => Promise.all([fabric?.stop(), server?.stop()]));

  test.each([
    [2, 0, 500],
    [3, 0, 500],
    [3, 1, 100],
  ] as const)(
    `get a plain server's answers in RESP%d on database %d, seed ${seed}`,
    async (protocol, database, numRuns) => {
      const duel = new Duel(fabric.url(fabric.regions[0]!), server.url, protocol, database);
      await fc.assert(
        fc.asyncProperty(streams, (stream) => duel.run(stream)),
        { seed, numRuns, endOnFailure: true },
      );
      duel.close();
    },
  );

  test.each([
    [2, 150],
    [3, 150],
  ] as const)(
    `get as many well-formed answers in RESP%d on database 1 of the typed port, seed ${seed}`,
    async (protocol, numRuns) => {
      const url = Object.assign(new URL(fabric.url(fabric.regions[0]!)), { port: typedPort }).href;
      const duel = new Duel(url, server.url, protocol, 1);
      await fc.assert(
        fc.asyncProperty(typedStreams, (stream) => duel.run(stream)),
        { seed, numRuns, endOnFailure: true },
      );
      duel.close();
    },
  );

  test("are found out when an error is missing before the close", async () => {
    const relay = createServer((client) => {
      const upstream = connect(Number(new URL(server.url).port), "127.0.0.1");
      client.on("data", (bytes) => upstream.write(bytes)).on("close", () => upstream.destroy());
      upstream.on("data", (bytes) =>
        client.write(bytes.toString("latin1").replace(/-ERR Protocol.*\r\n/, ""), "latin1"),
      );
      upstream.on("end", () => client.end());
    });
    await once(relay.listen(0, "127.0.0.1"), "listening");
    const url = new URL(server.url);
    url.port = String((relay.address() as { port: number }).port);
    const duel = new Duel(url.href, server.url, 2);
    const bytes = Buffer.from("PING\r\n*x");
    await expect(duel.run({ bytes, pieces: [bytes] })).rejects.toThrow("they differ");
    duel.close();
    relay.close();
  });

  test("are found out when answers differ", async () => {
    const duel = new Duel(fabric.url(fabric.regions[0]!), server.url, 2);
    const bytes = Buffer.from("SELECT 1\r\nGET k\r\n");
    await expect(duel.run({ bytes, pieces: [bytes] })).rejects.toThrow("they differ");
    duel.close();
  });
});
