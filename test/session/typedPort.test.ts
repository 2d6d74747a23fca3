// The port on which database 1 answers with types, for commands too large to be gathered: of those the shim no longer has
// the arguments when it answers.
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { freePort } from "../../local/servers";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";

describeWithServer("a large command on the typed port", () => {
  let fabric: Fabric;
  let server: Server;
  let typedUrl: string;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    const port = String(await freePort());
    const launch = (environment: Readonly<Record<string, string>>) =>
      launchInProcess({ ...environment, FLY_REDIS_TYPED_PORT: port });
    [fabric, server] = await Promise.all([startFabric({ regions: ["eu-west-1"], launch }), Server.start()]);
    typedUrl = Object.assign(new URL(fabric.url(fabric.regions[0]!)), { port }).href;
  });
  afterAll(() => Promise.all([fabric?.stop(), server?.stop()]));
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function open(url: string): Promise<RawClient> {
    const client = await RawClient.connect(url);
    clients.push(client);
    return client;
  }

  test.each(["2", "3"])(
    "is answered as on an empty key in RESP%s, whatever options stand beside it",
    async (protocol) => {
      const large = "x".repeat(300_000);
      const commands = [
        ["APPEND", "k", large],
        ["SETRANGE", "k", "5", large],
        ["SET", "k", large],
        ["SET", "k", large, "GET"],
        ["SET", "k", large, "EX", "60", "GET"],
        ["SADD", "k", large, "b"],
        ["HSET", "k", "f", large, "g", "v"],
        ["HINCRBY", "k", large, "4"],
        ["ZINCRBY", "k", "1.5", large],
        ["ZADD", "k", "NX", "CH", "1", large],
        ["XADD", "k", "MAXLEN", "~", "5", "LIMIT", "100", "7-7", "f", large],
        ["XADD", "k", "NOMKSTREAM", "MAXLEN", "=", "5", "7-7", "f", large],
      ];
      const [ours, theirs] = [await open(typedUrl), await open(server.url)];
      for (const client of [ours, theirs]) await client.call("HELLO", protocol);
      await ours.call("SELECT", "1");
      // Until its own canary has come back, the shim does not know that every region reads chunks.
      await eventually(async () => expect(await ours.call("SET", "k", large)).toBe("+OK\r\n"));
      for (const words of commands) {
        await theirs.call("FLUSHALL");
        expect(await ours.call(...words)).toBe(await theirs.call(...words));
      }
    },
  );
});
