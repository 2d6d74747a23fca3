// How a connection begins, changes and is held to limits before it says who it is: as on a plain server, byte for byte,
// but for names, passwords and numbers of connections.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers, Server } from "../support/servers";
import { comparable } from "./samples/sample";

/** What stands for the credentials of whichever of the two is asked. */
type Word = string | "<user>" | "<password>";

const NO_AUTH = "-NOAUTH Authentication required.\r\n";

describeOnServers("before it has authenticated, a client", (program) => {
  let fabric: Fabric;
  let plain: Server;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    [fabric, plain] = await Promise.all([
      startFabric({ regions: ["eu-west-1"], server: program }),
      Server.start(program),
    ]);
  });
  afterAll(() => Promise.all([fabric?.stop(), plain?.stop()]));
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function open(url: URL): Promise<RawClient> {
    const client = await RawClient.connect(`redis://${url.host}`);
    clients.push(client);
    return client;
  }

  const urls = (): URL[] => [fabric.url(fabric.regions[0]!), plain.url].map((url) => new URL(url));

  /** What the shim answers; the test fails where a plain server answers differently. */
  async function answers(...commands: Word[][]): Promise<string[]> {
    const [ours, theirs] = await Promise.all(
      urls().map(async (url) => {
        const client = await open(url);
        const replies: string[] = [];
        for (const words of commands) {
          const said = words.map((word) => word.replace("<user>", url.username).replace("<password>", url.password));
          replies.push(comparable(await client.call(...said)));
        }
        return replies;
      }),
    );
    expect(ours).toEqual(theirs);
    return ours ?? [];
  }

  const auth = ["AUTH", "<user>", "<password>"];
  const name = ["SETNAME", "app"];
  test.each([
    [[...auth], "3", "%7"],
    [[...auth, ...name], "3", "%7"],
    [[...name, ...auth], "3", "%7"],
    [["setname", "app", "auth", ...auth.slice(1)], "2", "*14"],
    [[...name, ...auth, ...name], "2", "*14"],
  ])("says HELLO with %j and protocol %s", async (options, version, type) => {
    const [hello, ping] = await answers(["HELLO", version, ...options], ["GET", "missing"], ["HELLO"]);
    expect(hello).toMatch(new RegExp(`^\\${type}\\r\\n`));
    expect(hello).toContain(`$5\r\nproto\r\n:${version}\r\n`);
    expect(ping).toBe(version === "3" ? "_\r\n" : "$-1\r\n");
  });

  test.each([
    [["HELLO", "3"]],
    [["HELLO", "3", "SETNAME", "app"]],
    [["HELLO", "3", "AUTH", "<user>", "wrong"]],
    [["HELLO", "4", "AUTH", "<user>", "<password>"]],
    [["HELLO", "3", "NOSUCH", "AUTH", "<user>", "<password>"]],
    [["HELLO", "3", "SETNAME", "two words", "AUTH", "<user>", "<password>"]],
    [["AUTH", "wrong"]],
    [["AUTH", "<user>", "wrong"]],
    [["AUTH"]],
    [["AUTH", "a", "b", "c"]],
    [["RESET"]],
    [["PING"]],
    [["EXISTS", "k"]],
  ])("stays so after %j, in RESP2", async (words) => {
    const replies = await answers(words, ["GET", "k"]);
    expect(replies[1]).toBe(NO_AUTH);
  });

  test("switches protocols, and is nobody in RESP2 on database 0 after RESET", async () => {
    const url = urls()[0]!;
    const client = await open(url);
    const { username, password } = url;
    client.send(
      ["HELLO", "3", "AUTH", username, password],
      ["SET", "k", "v"],
      ["SELECT", "1"],
      ["HELLO", "2"],
      ["GET", "k"],
      ["SELECT", "2"],
      ["RESET"],
      ["GET", "k"],
      ["AUTH", username, password],
      ["GET", "k"],
      ["GET", "missing"],
    );
    expect((await client.take(11)).map((reply) => reply.split("\r\n")[0])).toEqual([
      "%7",
      "+OK",
      "+OK",
      "*14",
      "+OK",
      "-ERR DB index is out of range",
      "+RESET",
      "-NOAUTH Authentication required.",
      "+OK",
      "$1",
      "$-1",
    ]);
    await client.call("HELLO", "3");
    // RESP3 has INFO as a verbatim string.
    expect(await client.call("INFO", "fly")).toMatch(/^=\d+\r\ntxt:# Fly\r\n/);
  });

  describe("sends raw bytes", () => {
    /** Whatever comes back until the close, or a PONG where the connection stays. */
    async function compare(text: string): Promise<string[]> {
      const [ours, theirs] = await Promise.all(
        urls().map(async (url) => {
          const client = await open(url);
          client.write(text);
          return client.take(3);
        }),
      );
      expect(ours).toEqual(theirs);
      return ours ?? [];
    }

    const long = (length: number): string => `$${length}\r\n${"x".repeat(length)}\r\n`;
    const quit = "*1\r\n$4\r\nQUIT\r\n";

    test.each([
      ["10 elements", `*10\r\n$6\r\nEXISTS\r\n${"$1\r\nx\r\n".repeat(9)}${quit}`, [NO_AUTH, "+OK\r\n"]],
      ["11 elements", "*11\r\n", ["-ERR Protocol error: unauthenticated multibulk length\r\n"]],
      ["a bulk of 16 KB", `*2\r\n$4\r\nAUTH\r\n${long(16_384)}${quit}`, [expect.stringMatching(/^-WRONG/), "+OK\r\n"]],
      ["a bulk of more", "*2\r\n$4\r\nAUTH\r\n$16385\r\n", ["-ERR Protocol error: unauthenticated bulk length\r\n"]],
      ["QUIT in line", "quit\r\nPING\r\n", ["+OK\r\n"]],
      ["POST in line", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", []],
      ["Host: in line", "host: 127.0.0.1\r\n", []],
      ["POST as an array", `*1\r\n$4\r\nPOST\r\n${quit}`, []],
    ])("%s", async (_what, text, expected) => {
      expect(await compare(text)).toEqual(expected);
    });
  });
});
