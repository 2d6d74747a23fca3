// A short run of `npm run fuzz`, always the same; the program itself runs long ones.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Duel } from "../../fuzz/duel";
import { streams } from "../../fuzz/streams";
import type { Fabric } from "../../local/fabric";
import { startFabric } from "../support/fabric";
import { describeWithServer, Server } from "../support/servers";

const seed = 20_261_122;

describeWithServer("random and broken streams", () => {
  let fabric: Fabric;
  let server: Server;

  beforeAll(async () => {
    [fabric, server] = await Promise.all([startFabric({ regions: ["eu-west-1"] }), Server.start()]);
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

  test("are found out when answers differ", async () => {
    const duel = new Duel(fabric.url(fabric.regions[0]!), server.url, 2);
    const bytes = Buffer.from("SELECT 1\r\nGET k\r\n");
    await expect(duel.run({ bytes, pieces: [bytes] })).rejects.toThrow("they differ");
    duel.close();
  });
});
