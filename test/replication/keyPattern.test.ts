import { afterAll, beforeAll, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Redis } from "ioredis";
import { keyPattern } from "../../shim/replication/keyPattern";
import { describeWithServer, Server } from "../support/servers";

const alphabet = ["a", "b", "c", "-", "]", "^", "\\", "[", "*", "?", "é", "\n", "."];

describeWithServer("patterns of keys", () => {
  let server: Server;
  let client: Redis;

  beforeAll(async () => {
    server = await Server.start();
    client = new Redis(server.url);
    const keys = alphabet.flatMap((one) => [one, ...alphabet.map((other) => one + other), `${one}ab`, `ab${one}c`]);
    await client.mset(...[...new Set(keys)].flatMap((key) => [key, ""]));
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  it("match what the server's KEYS does", async () => {
    const all = await client.keysBuffer("*");
    const pattern = fc.array(fc.constantFrom(...alphabet), { maxLength: 7 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(pattern, async (text) => {
        const theirs = (await client.keysBuffer(text)).map((key) => key.toString("latin1"));
        const regex = keyPattern(text);
        const ours = all.map((key) => key.toString("latin1")).filter((key) => regex.test(key));
        expect(ours.toSorted()).toEqual(theirs.toSorted());
      }),
      { numRuns: 500 },
    );
  });
});
