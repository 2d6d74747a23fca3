// The same commands to a shim and to a plain server: what comes back is the same, byte for byte, in both protocols.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { rulesFor } from "../../shim/commands/policy";
import type { CommandSpecification } from "../../shim/commands/specification";
import { specificationsOf } from "../support/commands";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers, Server } from "../support/servers";
import { forwardedCommands } from "./samples/forwardedCommands";
import { plainCommands } from "./samples/plainCommands";
import { comparable, nameOf } from "./samples/sample";

const long = "x".repeat(100_000);

/** One key of each type, with one element, so that no order depends on a server's own hash seed. */
const keysOfTypes: readonly ((key: string) => string[])[] = [
  (key) => ["SET", key, "1"],
  (key) => ["RPUSH", key, "v"],
  (key) => ["HSET", key, "f", "v"],
  (key) => ["SADD", key, "m"],
  (key) => ["ZADD", key, "1", "m"],
  (key) => ["XADD", key, "1-1", "f", "v"],
  (key) => ["PFADD", key, "a"],
];

/** Whether a command is newer than Redis 7.2, from which Valkey came, or a module's: then it may be one without a sample. */
async function isNew(server: RawClient, name: string): Promise<boolean> {
  const docs = await server.call("COMMAND", "DOCS", name);
  const [, major = 8, minor = 0] = (/\bsince\r\n\$\d+\r\n(\d+)\.(\d+)/.exec(docs) ?? []).map(Number);
  return major > 7 || (major === 7 && minor > 2);
}

describeOnServers("a shim and a plain server answer alike", (program) => {
  let fabric: Fabric;
  let plain: Server;
  /** All that the server has and the shim forwards; a container's subcommands in its place. */
  let forwarded: readonly CommandSpecification[];

  beforeAll(async () => {
    [fabric, plain] = await Promise.all([
      startFabric({ regions: ["eu-west-1"], server: program }),
      Server.start(program),
    ]);
    const passed = (await specificationsOf(plain)).filter(
      (command) => !/refuse|local/.test(rulesFor(command, []).regional),
    );
    forwarded = passed.flatMap((command) =>
      command.subcommands.size > 0 ? [...command.subcommands.values()] : command,
    );
  });
  afterAll(() => Promise.all([fabric?.stop(), plain?.stop()]));

  let clients: readonly [RawClient, RawClient];
  function close(): void {
    for (const client of clients ?? []) client.close();
  }
  afterEach(close);

  async function connect(): Promise<readonly [RawClient, RawClient]> {
    close();
    clients = await Promise.all([RawClient.connect(fabric.url(fabric.regions[0]!)), RawClient.connect(plain.url)]);
    return clients;
  }

  /** What each of the two says to the same commands, all sent at once or one after the other's reply. */
  async function answers(protocol: string, commands: readonly string[][], pipelined = true): Promise<string[][]> {
    await connect();
    return Promise.all(
      clients.map(async (client) => {
        await client.call("FLUSHALL");
        await client.call("HELLO", protocol);
        if (pipelined) client.send(...commands);
        const lines: string[] = [];
        for (const words of commands) {
          const [reply] = pipelined ? await client.take(1) : [await client.call(...words)];
          lines.push(`${words.join(" ")} → ${reply}`);
        }
        return lines;
      }),
    );
  }

  test("every command that is forwarded has a sample, and one that succeeds", async () => {
    await connect();
    const [, theirs] = clients;
    const succeeded = new Set<string>();
    for (const words of forwardedCommands) {
      const reply = await theirs.call(...words);
      if (!reply.startsWith("-")) succeeded.add(nameOf(words));
    }
    const sampled = new Set(forwardedCommands.map(nameOf));
    const lacking: string[] = [];
    for (const { name } of forwarded) {
      if (!succeeded.has(name) && (sampled.has(name) || !(await isNew(theirs, name)))) lacking.push(name);
    }
    // It wants another eviction policy than the service has.
    expect(lacking).toEqual(["OBJECT|FREQ"]);
  });

  describe.each(["2", "3"])("in RESP%s", (protocol) => {
    test("every command with too few arguments and with too many", async () => {
      const commands = forwarded.flatMap(({ name, arity }) => {
        const words = name.split("|");
        const counts = [Math.abs(arity) - 1, ...(arity > 0 ? [arity + 1] : [])];
        return counts
          .filter((count) => count >= words.length)
          .map((count) => [...words, ...Array.from({ length: count - words.length }, () => "x")]);
      });
      const [ours, theirs] = await answers(protocol, commands);
      expect(ours).toEqual(theirs);
      expect(ours?.filter((line) => !line.includes("→ -ERR wrong number of arguments"))).toEqual([]);
    });

    test("COMMAND, which lists what the cluster has, in an order of its own", async () => {
      const [ours, theirs] = await answers(protocol, [["COMMAND"]]);
      const sorted = (lines: string[] | undefined): string[] | undefined => lines?.[0]?.split("\r\n").sort();
      expect(sorted(ours)).toEqual(sorted(theirs));
    });

    test("COMMAND and its subcommands on database 1 too", async () => {
      const commands = forwardedCommands.filter(([name]) => name === "COMMAND");
      const [ours, theirs] = await answers(protocol, [["SELECT", "1"], ...commands, ["SELECT", "0"], ...commands]);
      expect(ours).toEqual(theirs);
      expect(ours?.join()).toMatch(/COMMAND COUNT → :\d{3}/);
    });

    test("every command on keys of every type", async () => {
      await connect();
      const [, theirs] = clients;
      const commands: string[][] = [];
      // How long a key has not been used depends on the clock.
      for (const words of forwardedCommands.filter((each) => nameOf(each) !== "OBJECT|IDLETIME")) {
        const reply = await theirs.call("COMMAND", "GETKEYS", ...words);
        if (reply.startsWith("-")) continue;
        const keys = new Set(reply.split("\r\n").filter((_, line) => line > 0 && line % 2 === 0));
        for (const create of keysOfTypes) commands.push(["FLUSHALL"], ...[...keys].map(create), words);
      }
      expect(commands.length).toBeGreaterThan(5000);
      const [ours, others] = await answers(protocol, commands);
      expect(ours).toEqual(others);
    });

    test("one at a time and as one pipeline", async () => {
      for (const pipelined of [false, true]) {
        const [ours, theirs] = await answers(protocol, forwardedCommands, pipelined);
        expect(ours).toEqual(theirs);
      }
    });

    test("what the shim answers itself", async () => {
      await connect();
      const [ours, theirs] = await Promise.all(
        clients.map(async (client) => {
          await client.call("HELLO", protocol);
          // One at a time: Valkey 8.0 leaves a wrong AUTH in a pipeline unanswered.
          const replies: string[] = [];
          for (const words of plainCommands) replies.push(comparable(await client.call(...words)));
          return replies;
        }),
      );
      expect(plainCommands.map((words, at) => [words.join(" "), ours?.[at]])).toEqual(
        plainCommands.map((words, at) => [words.join(" "), theirs?.[at]]),
      );
    });

    test("passwords and numbers of databases longer than any there is", async () => {
      const commands = [
        ["AUTH", long],
        ["AUTH", long, "password"],
        ["AUTH", "default", long],
        ["AUTH", "a", long, "c"],
        ["SELECT", long],
        ["SELECT", "0", long],
      ];
      await connect();
      const [ours, theirs] = await Promise.all(
        clients.map(async (client) => {
          await client.call("HELLO", protocol);
          const replies: string[] = [];
          for (const words of commands) replies.push(await client.call(...words));
          return replies;
        }),
      );
      expect(ours).toEqual(theirs);
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
    "*1\r\n$536870913\r\n",
    "*1\r\n$\r\n",
    "*\r\n",
    "*2147483648\r\n",
    "*-99999999999999999999\r\n",
    // Just over 64 KB, so that a server has read it all when it closes.
    "x".repeat(65_600),
    `*${"1".repeat(65_600)}`,
    `*1\r\n$${"1".repeat(65_600)}`,
    'GET "unbalanced\r\n',
  ];
  test.each(malformed.map((text) => [text.slice(0, 30), text]))(
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

  test.each(["*1\rX$4\r\nPING\r\n", "*1\r\n$4\rXPING\r\n", "*1\r\n$4\r\nPINGXX", "*1\r\n$4\r\nPING\rX"])(
    "without CR LF, which only some servers look for: %j gets an error and a close before it reaches a lane",
    async (text) => {
      const [client] = await connect();
      client.write(`*1\r\n$4\r\nPING\r\n${text}`);
      expect(await client.take(2)).toEqual(["+PONG\r\n", "-ERR Protocol error: invalid CRLF in request\r\n"]);
      await client.closed;
    },
  );

  test("inline commands, empty lines and empty arrays", async () => {
    await connect();
    const [ours, theirs] = await Promise.all(
      clients.map((client) => {
        client.write(Buffer.from('set \v\xa0k "a\xa0b\x85\xfe\v"\r\nget \f\xa0k\r\n', "latin1"));
        client.write('\r\n*0\r\nset "a b" \'c d\'\r\nget "a b"\n  ping\r\n*-1\r\nget \\x00\r\necho "\\x41\\n"\r\n');
        return client.take(7);
      }),
    );
    expect(ours).toEqual(theirs);
  });
});
