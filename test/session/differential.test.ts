// The same commands to a shim and to a plain server: what comes back is the same, byte for byte, in both protocols.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";
import { forwardedCommands, plainCommands } from "./samples";

const long = "x".repeat(100_000);

describeWithServer("a shim and a plain server answer alike", () => {
  let fabric: Fabric;
  let plain: Server;

  beforeAll(async () => {
    [fabric, plain] = await Promise.all([startFabric({ regions: ["eu-west-1"] }), Server.start()]);
  });
  afterAll(() => Promise.all([fabric?.stop(), plain?.stop()]));

  let clients: readonly [RawClient, RawClient];
  afterEach(() => {
    for (const client of clients) client.close();
  });

  async function connect(): Promise<readonly [RawClient, RawClient]> {
    clients = await Promise.all([RawClient.connect(fabric.url(fabric.regions[0]!)), RawClient.connect(plain.url)]);
    return clients;
  }

  describe.each(["2", "3"])("in RESP%s", (protocol) => {
    test("one at a time and as one pipeline", async () => {
      for (const pipelined of [false, true]) {
        await connect();
        const [ours, theirs] = await Promise.all(
          clients.map(async (client) => {
            await client.call("FLUSHALL");
            await client.call("HELLO", protocol);
            if (!pipelined) {
              const replies: string[] = [];
              for (const words of forwardedCommands) replies.push(await client.call(...words));
              return replies;
            }
            client.send(...forwardedCommands);
            return client.take(forwardedCommands.length);
          }),
        );
        expect(forwardedCommands.map((words, at) => [words.join(" "), ours?.[at]])).toEqual(
          forwardedCommands.map((words, at) => [words.join(" "), theirs?.[at]]),
        );
      }
    });

    test("what the shim answers itself", async () => {
      await connect();
      const [ours, theirs] = await Promise.all(
        clients.map(async (client) => {
          await client.call("HELLO", protocol);
          // One at a time: Valkey 8.0 leaves a wrong AUTH in a pipeline unanswered.
          const replies: string[] = [];
          for (const words of plainCommands) replies.push(await client.call(...words));
          // Servers differ in the wording of this one hint.
          return replies.map((reply) => reply.replace("HELLO <proto> AUTH", "HELLO AUTH"));
        }),
      );
      expect(plainCommands.map((words, at) => [words.join(" "), ours?.[at]])).toEqual(
        plainCommands.map((words, at) => [words.join(" "), theirs?.[at]]),
      );
    });

    test("values too large for a shared lane, in between small ones", async () => {
      const commands = [
        ["SET", "long", long],
        ["STRLEN", "long"],
        ["GET", "long"],
        ["PING"],
        ["GETRANGE", "long", "0", "3"],
        ["MSET", "a", long, "b", "2"],
        ["MGET", "a", "b", "missing"],
        ["ECHO", long],
        ["NOSUCH", long],
        ["DEL", "long", "a", "b"],
        ["GET", "long"],
      ];
      await connect();
      const [ours, theirs] = await Promise.all(
        clients.map(async (client) => {
          await client.call("HELLO", protocol);
          client.send(...commands);
          return client.take(commands.length);
        }),
      );
      // Of a command that is unknown and too large the shim shows the name alone.
      expect(ours?.[8]).toBe("-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
      ours?.splice(8, 1);
      theirs?.splice(8, 1);
      expect(ours?.map((reply) => [reply.length, reply.slice(0, 50)])).toEqual(
        theirs?.map((reply) => [reply.length, reply.slice(0, 50)]),
      );
      expect(ours?.join("") === theirs?.join("")).toBe(true);
    });
  });

  const malformed = [
    `*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$70000\r\n${"x".repeat(70_000)}\r\nno bulk\r\n`,
    "*x\r\n",
    "*1\r\n:1\r\n",
    "*1\r\n$-5\r\n",
    "*2\r\n$3\r\nGET\r\n$999999999999\r\n",
    "*2147483648\r\n",
    'GET "unbalanced\r\n',
  ];
  test.each(malformed.map((text) => [text.slice(0, 40), text]))(
    "malformed: %j gets the same error and a close",
    async (_beginning, text) => {
      await connect();
      const [ours, theirs] = await Promise.all(
        clients.map(async (client) => {
          client.write(`*1\r\n$4\r\nPING\r\n${text}`);
          const replies = await client.take(3);
          await client.closed;
          return replies;
        }),
      );
      expect(ours).toEqual(theirs);
      expect(ours).toHaveLength(2);
    },
  );

  test("inline commands, empty lines and empty arrays", async () => {
    await connect();
    const [ours, theirs] = await Promise.all(
      clients.map((client) => {
        client.write('\r\n*0\r\nset "a b" \'c d\'\r\nget "a b"\n  ping\r\n*-1\r\nget \\x00\r\necho "\\x41\\n"\r\n');
        return client.take(5);
      }),
    );
    expect(ours).toEqual(theirs);
  });
});
