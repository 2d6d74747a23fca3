// Each command's typed answer has the type that a real server's reply has on empty keys, in both protocols.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { typedReply } from "../../shim/commands/typedReplies";
import type { Protocol } from "../../shim/resp/encoder";
import { forwardedCommands } from "../session/samples";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";

describeWithServer("typed answers", () => {
  let server: Server;
  let client: RawClient;

  beforeAll(async () => {
    server = await Server.start();
    client = await RawClient.connect(server.url);
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });

  test.each([2, 3] as const)("have the types of RESP%d", async (protocol: Protocol) => {
    await client.call("HELLO", String(protocol));
    const skipped = /^(COMMAND|BL|BR|BZ)/i;
    const different: string[] = [];
    for (const words of forwardedCommands.filter(([name = ""]) => !skipped.test(name))) {
      await client.call("FLUSHALL");
      const theirs = await client.call(...words);
      if (theirs.startsWith("-")) continue;
      const [name = "", subcommand = ""] = words.map((word) => word.toUpperCase());
      const full = ["OBJECT", "XGROUP", "XINFO"].includes(name) ? `${name}|${subcommand}` : name;
      const ours = typedReply(
        full,
        words.map((word) => Buffer.from(word)),
        protocol,
      ).toString();
      if (ours[0] !== theirs[0]) different.push(`${words.join(" ")}: ${JSON.stringify([ours, theirs])}`);
    }
    expect(different).toEqual([]);
  });
});
