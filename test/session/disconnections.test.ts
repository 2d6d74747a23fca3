// Clients that go in odd ways, half or by a reset: what they are owed they get, and the others notice nothing.
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers } from "../support/servers";

const OK = "+OK\r\n";
const large = "x".repeat(2_000_000);

describeOnServers("a client", (program) => {
  let fabric: Fabric;
  let leaving: RawClient;
  let other: RawClient;

  beforeAll(async () => {
    fabric = await startFabric({ regions: ["eu-west-1"], server: program });
  });
  afterAll(() => fabric?.stop());
  beforeEach(async () => {
    const url = fabric.url(fabric.regions[0]!);
    [leaving, other] = [await RawClient.connect(url), await RawClient.connect(url)];
    await other.call("FLUSHALL");
    await other.call("SET", "large", large);
  });
  afterEach(() => {
    for (const client of [leaving, other]) client.close();
  });

  async function blockedClients(): Promise<string | undefined> {
    return /blocked_clients:(\d+)/.exec(await other.call("INFO", "clients"))?.[1];
  }

  async function sessions(): Promise<string | undefined> {
    const { operationsPort } = fabric.regions[0]!.shims[0]!;
    const metrics = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
    return /^redis_on_fly_sessions (\d+)$/m.exec(await metrics.text())?.[1];
  }

  test("that closes its half once it has sent gets all its answers, then the close", async () => {
    const commands = [
      ["SET", "k", large],
      ["STRLEN", "k"],
      ["GET", "large"],
      ["PING"],
      ["SELECT", "1"],
      ["SET", "k", "pushed"],
      ["SELECT", "0"],
      ["GET", "k"],
      ["INFO", "fly"],
      ["EVAL", "x", "0"],
    ];
    leaving.send(...commands);
    leaving.socket.end();
    const replies = await leaving.take(commands.length + 1);
    expect(replies.map((reply) => reply.slice(0, 20))).toEqual([
      OK,
      ":2000000\r\n",
      `$2000000\r\n${"x".repeat(10)}`,
      "+PONG\r\n",
      OK,
      OK,
      OK,
      "$6\r\npushed\r\n",
      expect.stringMatching(/^\$\d+\r\n# Fly\r\n/),
      expect.stringMatching(/^-ERR unknown/),
    ]);
  });

  /** More than is kept of a client that waits for no more than a while. */
  const flood = Array.from({ length: 1000 }, () => ["SET", "k", "x".repeat(1000)]);
  const waitingBehind: readonly (readonly [what: string, commands: readonly string[][]])[] = [
    ["", []],
    [", with a GET behind", [["GET", "k"]]],
    [
      ", with a GET and more behind",
      [["GET", "k"], ...Array.from({ length: 50 }, () => ["SET", "k", "x".repeat(1000)])],
    ],
    [", with a megabyte behind", flood],
  ];

  test("that closes its half with a blocking command behind what it waits for is answered up to there", async () => {
    leaving.send(["HELLO", "3"], ["GET", "large"], ["BLPOP", "queue", "0"], ["GET", "k"]);
    leaving.socket.end();
    expect((await leaving.take(3)).map((reply) => reply.slice(0, 10))).toEqual(["%7\r\n$6\r\nse", "$2000000\r\n"]);
    await leaving.closed;
    expect(await other.call("RPUSH", "queue", "element")).toBe(":1\r\n");
    expect(await other.call("LLEN", "queue")).toBe(":1\r\n");
  });

  test.each(waitingBehind)(
    "that closes its half while it is blocked%s is let go, and nothing is popped for it",
    async (_what, behind) => {
      leaving.send(["BLPOP", "queue", "0"], ...behind);
      await eventually(async () => expect(await blockedClients()).toBe("1"));
      leaving.socket.end();
      await leaving.closed;
      await eventually(async () => expect(await blockedClients()).toBe("0"));
      expect(await other.call("RPUSH", "queue", "element")).toBe(":1\r\n");
      expect(await other.call("LLEN", "queue")).toBe(":1\r\n");
    },
  );

  test("that goes in the middle of its first large reply takes the lane along, and the rest is not sent", async () => {
    const server = await RawClient.connect(fabric.regions[0]!.server.url);
    try {
      // More than the kernel takes.
      const size = 64 * 1024 * 1024;
      await server.call("SET", "huge", Buffer.alloc(size, "h"));
      const sentBytes = async (): Promise<number> =>
        Number(/total_net_output_bytes:(\d+)/.exec(await server.call("INFO", "stats"))?.[1]);
      const before = await sentBytes();
      leaving.socket.pause();
      leaving.send(["GET", "huge"]);
      await eventually(async () => expect(await server.call("CLIENT", "LIST")).toMatch(/ omem=\d{7}/));
      leaving.socket.resetAndDestroy();
      await eventually(async () => expect(await server.call("CLIENT", "LIST")).not.toMatch(/ omem=\d{7}/));
      expect((await sentBytes()) - before).toBeLessThan(size);
    } finally {
      server.close();
    }
  });

  const deeds: readonly (readonly [deed: string, act: () => Promise<unknown>])[] = [
    [
      "in the middle of many replies",
      async () => {
        leaving.send(...Array.from({ length: 2000 }, () => ["GETRANGE", "large", "0", "9999"]));
        await once(leaving.socket, "data");
      },
    ],
    [
      "in the middle of a large reply",
      async () => {
        leaving.send(["GET", "large"], ["GET", "large"]);
        await once(leaving.socket, "data");
      },
    ],
    [
      "in the middle of a large request",
      async () => {
        leaving.write(`*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$9000000\r\n${large}`);
        await eventually(async () => expect(await other.call("STRLEN", "large")).toBe(":2000000\r\n"));
      },
    ],
    [
      "while it is blocked",
      async () => {
        leaving.send(["BLPOP", "queue", "0"]);
        await eventually(async () => expect(await blockedClients()).toBe("1"));
      },
    ],
    [
      "while it is blocked, with a GET behind",
      async () => {
        leaving.send(["BLPOP", "queue", "0"], ["GET", "k"]);
        await eventually(async () => expect(await blockedClients()).toBe("1"));
      },
    ],
    [
      "while it is blocked, with a megabyte behind",
      async () => {
        leaving.send(["BLPOP", "queue", "0"], ...flood);
        await eventually(async () => expect(await blockedClients()).toBe("1"));
        // It has sent them: nothing but the reset tells that it is gone.
        await eventually(() => expect(leaving.socket.writableLength).toBe(0));
      },
    ],
    [
      "while it waits for other regions, with a GET behind",
      async () => {
        leaving.send(["SELECT", "1"], ["SET", "k", "v"], ["WAIT", "1", "0"], ["SELECT", "0"], ["GET", "k"]);
        await leaving.take(2);
      },
    ],
  ];
  test.each(deeds)("that resets its connection %s leaves no trace", async (_deed, act) => {
    await act();
    leaving.socket.resetAndDestroy();
    await leaving.closed;
    await eventually(async () => expect([await sessions(), await blockedClients()]).toEqual(["1", "0"]));
    other.send(["SET", "k", "v"], ["GET", "k"], ["RPUSH", "queue", "element"], ["LLEN", "queue"], ["STRLEN", "large"]);
    expect((await other.take(5)).join("")).toBe("+OK\r\n$1\r\nv\r\n:1\r\n:1\r\n:2000000\r\n");
  });
});
