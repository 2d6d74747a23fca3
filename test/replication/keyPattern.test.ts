import { afterAll, beforeAll, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Redis } from "ioredis";
import { keyPattern } from "../../shim/replication/keyPattern";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const alphabet = ["a", "b", "c", "-", "]", "^", "\\", "[", "*", "?", "é", "\n", "."];

describeWithServer("patterns of keys", () => {
  let server: ConnectedServer;
  let client: Redis;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
    const keys = alphabet.flatMap((one) => [one, ...alphabet.map((other) => one + other), `${one}ab`, `ab${one}c`]);
    await client.mset(...[...new Set(keys)].flatMap((key) => [key, ""]));
  });
  afterAll(() => server.close());

  it("match what the server's KEYS does", async () => {
    const all = await client.keysBuffer("*");
    // Whether é is above or below ASCII in a range depends on the server's processor.
    const ascii = alphabet.filter((character) => character < "\x80");
    const pattern = fc.array(fc.constantFrom(...ascii), { maxLength: 7 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(pattern, async (text) => {
        const theirs = (await client.keysBuffer(text)).map((key) => key.toString("latin1"));
        const ours = all.filter(keyPattern(Buffer.from(text))).map((key) => key.toString("latin1"));
        expect(ours.toSorted()).toEqual(theirs.toSorted());
      }),
      { numRuns: 500 },
    );
  });
});
