// What a shim can be told about its clients: who they are and what each may do, TLS, limits, typed answers.
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { freePort } from "../../local/servers";
import { launchShimProcess } from "../../local/shimProcess";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { startListener } from "../support/listening";
import { openFileCount } from "../support/openFiles";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";
import { holdTimeouts, pass, releaseTimeouts } from "../support/timeouts";

const OK = "+OK\r\n";
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
let fabric: Fabric | undefined;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await fabric?.stop();
  fabric = undefined;
});

/** A region with one shim that is told so. @returns the URL of its clients */
async function start(variables: Record<string, string>): Promise<string> {
  const launch = (environment: Readonly<Record<string, string>>) => launchInProcess({ ...environment, ...variables });
  fabric = await startFabric({ regions: ["eu-west-1"], launch });
  return fabric.url(fabric.regions[0]!);
}

async function open(url: string): Promise<RawClient> {
  const client = await RawClient.connect(url);
  clients.push(client);
  return client;
}

describeWithServer("a listener", () => {
  // Only Linux shows descriptors, and the timers of sockets.
  const testOnLinux = process.platform === "linux" ? test : test.skip;

  test("lets users do what they may, on both databases and in both sizes of frame", async () => {
    const password = "reader-password-01";
    const users = [
      { name: "reader", passwords: [password], write: false, flushall: false },
      { name: "regional", passwords: [password], database1: false },
      { name: "slow", passwords: [password], database1PerSecond: 2, flushall: false },
      { name: "crowd", passwords: [password], database1PerSecond: 2 },
    ];
    const url = new URL(await start({ FLY_REDIS_USERS: JSON.stringify(users) }));
    const as = (name: string): Promise<RawClient> => open(`redis://${name}:${password}@${url.host}`);
    const denied = (user: string, deed: string): string => `-NOPERM User ${user} has no permissions to ${deed}\r\n`;

    const all = await open(url.href);
    expect(await all.call("SET", "k", "v")).toBe(OK);

    const reader = await as("reader");
    const large = "x".repeat(100_000);
    reader.send(
      ["GET", "k"],
      ["SET", "k", "w"],
      ["BLPOP", "k", "1"],
      ["XGROUP", "CREATE", "x", "g", "0"],
      ["FLUSHALL"],
    );
    reader.send(
      ["SET", "k", large],
      ["XINFO", "HELP"],
      ["SELECT", "1"],
      ["SET", "k", "w"],
      ["GET", "k"],
      ["EVAL", "x"],
      ["COMMAND", "COUNT"],
      // With which redis-cli begins.
      ["COMMAND", "DOCS", "get"],
    );
    expect(await reader.take(13)).toEqual([
      "$1\r\nv\r\n",
      denied("reader", "run the 'set' command"),
      denied("reader", "run the 'blpop' command"),
      denied("reader", "run the 'xgroup|create' command"),
      denied("reader", "run the 'flushall' command"),
      denied("reader", "run the 'set' command"),
      expect.stringMatching(/^\*/),
      OK,
      denied("reader", "run the 'set' command"),
      OK,
      expect.stringContaining("unknown command 'EVAL'"),
      expect.stringMatching(/^:\d/),
      expect.stringContaining("summary"),
    ]);

    // Whatever a frame's size, what changes nothing is no write.
    reader.send(
      ["SELECT", "0"],
      ["ECHO", large],
      ["PING", large],
      ["OBJECT", "ENCODING", large],
      ["XINFO", "STREAM", large],
      ["AUTH", "reader", large],
      ["SELECT", large],
      ["XGROUP", "CREATE", large, "g", "0"],
    );
    expect(await reader.take(8)).toEqual([
      OK,
      bulk(large),
      bulk(large),
      "$-1\r\n",
      "-ERR no such key\r\n",
      expect.stringMatching(/^-WRONGPASS/),
      "-ERR value is not an integer or out of range\r\n",
      denied("reader", "run the 'xgroup|create' command"),
    ]);

    const regional = await as("regional");
    regional.send(["SET", "k", "w"], ["SELECT", "1"], ["GET", "k"]);
    expect(await regional.take(3)).toEqual([OK, denied("regional", "select database 1"), "$1\r\nw\r\n"]);

    const slow = await as("slow");
    slow.send(["SELECT", "1"], ["SET", "a", "1"], ["SET", "a", "2"], ["SET", "a", "3"], ["GET", "a"], ["FLUSHALL"]);
    const replies = await slow.take(6);
    expect(replies.slice(0, 3)).toEqual([OK, OK, OK]);
    expect(replies[3]).toMatch(/^-BUSY User slow may write 2 times a second on database 1/);
    expect(replies.slice(4)).toEqual([OK, denied("slow", "run the 'flushall' command")]);
    // The limit is the user's, however many connections it has.
    const crowd = await Promise.all([as("crowd"), as("crowd"), as("crowd")]);
    for (const each of crowd) each.send(["SELECT", "1"], ["SET", "a", "1"], ["SET", "a", "2"]);
    const taken = (await Promise.all(crowd.map((each) => each.take(3)))).flatMap((answers) => answers.slice(1));
    expect(taken).toContain(OK);
    expect(taken).toContainEqual(expect.stringMatching(/^-BUSY User crowd may write 2 times a second on database 1/));
    // Whoever comes in next may not use what the one before had selected.
    expect(await slow.call("AUTH", "regional", password)).toBe(OK);
    expect(await slow.call("GET", "k")).toBe("$1\r\nw\r\n");
  });

  test("answers database 1 in a command's own type on the typed port, and OK on the other", async () => {
    const port = await freePort();
    const url = new URL(await start({ FLY_REDIS_TYPED_PORT: String(port) }));
    const plain = await open(url.href);
    url.port = String(port);
    const typed = await open(url.href);
    for (const client of [plain, typed]) await client.call("SELECT", "1");
    const commands = [
      ["DEL", "a", "b"],
      ["INCRBY", "n", "5"],
      ["HSET", "h", "f", "v", "g", "w"],
      ["GET", "k"],
      ["MGET", "a", "b"],
      ["SET", "k", "v"],
      ["LPOP", "l"],
      ["SMEMBERS", "s"],
      ["HGETALL", "h"],
      ["ZINCRBY", "z", "1.5", "m"],
      ["XADD", "x", "7-7", "f", "v"],
      ["SCAN", "0"],
      ["TTL", "k"],
      ["GET"],
    ];
    plain.send(...commands);
    expect((await plain.take(14)).slice(0, 13)).toEqual(Array.from({ length: 13 }, () => OK));
    const expected = [":2", ":5", ":2", "$-1", "*2\r\n$-1\r\n$-1", "+OK", "$-1", "*0", "*0", "$3\r\n1.5", "$3\r\n7-7"];
    typed.send(...commands);
    expect(await typed.take(14)).toEqual([
      ...expected.map((reply) => `${reply}\r\n`),
      "*2\r\n$1\r\n0\r\n*0\r\n",
      ":-2\r\n",
      "-ERR wrong number of arguments for 'get' command\r\n",
    ]);
    await typed.call("HELLO", "3");
    await typed.call("SELECT", "1");
    typed.send(["GET", "k"], ["SMEMBERS", "s"], ["HGETALL", "h"], ["ZINCRBY", "z", "1.5", "m"]);
    expect(await typed.take(4)).toEqual(["_\r\n", "~0\r\n", "%0\r\n", ",1.5\r\n"]);
  });

  test("tolerates a driver's name and version where that is switched on, and nothing else of CLIENT", async () => {
    const client = await open(await start({ FLY_REDIS_CLIENT_NAMES: "on" }));
    client.send(["CLIENT", "SETINFO", "LIB-NAME", "x"], ["client", "setname", "x"], ["CLIENT", "LIST"]);
    expect(await client.take(3)).toEqual([OK, OK, expect.stringContaining("unknown command 'CLIENT'")]);
  });

  test("turns away clients over the limit as Redis does", async () => {
    const url = await start({ FLY_REDIS_MAX_CLIENTS: "2" });
    await Promise.all([open(url), open(url)]);
    const { host } = new URL(url);
    const third = await open(`redis://${host}`);
    expect(await third.take(1)).toEqual(["-ERR max number of clients reached\r\n"]);
    await third.closed;
  });

  testOnLinux("keeps no descriptor for clients turned away, whatever they have sent", async () => {
    const listening = await startListener({ maxClients: 1 });
    const { host } = new URL(listening.url);
    try {
      const client = await open(listening.url);
      const before = openFileCount(process.pid);
      for (let round = 0; round < 3; round++) {
        const late = await Promise.all(Array.from({ length: 20 }, () => open(`redis://${host}`)));
        for (const each of late) each.send(["AUTH", "app", "password"], ["SELECT", "1"]);
        // Those that are too many even for an answer are cut off.
        const answers = (await Promise.all(late.map((each) => each.take(1)))).flat();
        expect(answers.length).toBeGreaterThanOrEqual(16);
        expect(new Set(answers)).toEqual(new Set(["-ERR max number of clients reached\r\n"]));
        for (const each of late) each.close();
        await eventually(() => expect(openFileCount(process.pid)).toBeLessThanOrEqual(before));
      }
      expect(listening.counters.rejected).toBe(60);
      expect(await client.call("PING")).toBe("+PONG\r\n");
    } finally {
      await listening.stop();
    }
  });

  test("serves a burst of clients that all connect at once", async () => {
    fabric = await startFabric({ regions: ["eu-west-1"], launch: launchShimProcess });
    const url = fabric.url(fabric.regions[0]!);
    await Promise.all(Array.from({ length: 2000 }, () => open(url)));
    const replies = await Promise.all(clients.map((client, index) => client.call("ECHO", `client ${index}`)));
    expect(replies).toEqual(clients.map((_, index) => bulk(`client ${index}`)));
  });

  test("lets an old client finish the command that it has begun to send", async () => {
    const url = await start({ FLY_REDIS_MAX_AGE_MS: "150" });
    const old = await open(url);
    old.write("*2\r\n$4\r\nECHO\r\n$5\r\nhe");
    // Ages differ by a tenth up or down: when two lives in a row are over, so is the first one's time.
    for (let life = 0; life < 2; life++) await (await open(url)).closed;
    old.write("llo\r\n");
    expect(await old.take(2)).toEqual([bulk("hello")]);
  });

  test("lets an old client go after a while between two commands, though it always waits for an answer", async () => {
    const server = await Server.start();
    holdTimeouts();
    const listening = await startListener({ maxAgeMs: 1000 }, server);
    try {
      const [old, other] = [await open(listening.url), await open(server.url)];
      const push = (name: string): Promise<string> => other.call("RPUSH", name, "x");
      const popped = (name: string): string[] => [`*2\r\n${bulk(name)}${bulk("x")}`];
      old.send(["BLPOP", "a", "0"], ["BLPOP", "b", "0"]);
      await push("a");
      expect(await old.take(1)).toEqual(popped("a"));
      pass(1100);
      // Old, and busy: what it sends is still taken.
      old.send(["BLPOP", "c", "0"]);
      await eventually(() => expect(listening.counters.forwarded).toBe(3));
      await push("b");
      expect(await old.take(1)).toEqual(popped("b"));
      pass(10_000);
      old.send(["BLPOP", "d", "0"]);
      await push("c");
      expect(await old.take(2)).toEqual(popped("c"));
      await push("d");
      expect(await other.call("LLEN", "d")).toBe(":1\r\n");
    } finally {
      releaseTimeouts();
      await listening.stop();
      await server.stop();
    }
  });

  testOnLinux("probes silent clients in time", async () => {
    const { port } = new URL(await start({ FLY_REDIS_KEEP_ALIVE_MS: "5000" }));
    await open(`redis://127.0.0.1:${port}`);
    // Columns: number, local address, remote address, state, queues, timer:when in hundredths of a second.
    const local = `0100007F:${Number(port).toString(16).toUpperCase().padStart(4, "0")}`;
    const row = await eventually(() => {
      const rows = readFileSync("/proc/net/tcp", "utf8").split("\n");
      const found = rows.map((line) => line.trim().split(/\s+/)).find((line) => line[1] === local && line[3] === "01");
      expect(found).toBeDefined();
      return found!;
    });
    const [timer, when] = row[5]!.split(":");
    expect(timer).toBe("02");
    expect(Number.parseInt(when!, 16)).toBeLessThanOrEqual(500);
  });

  test("disconnects clients that are silent or old, but not one that waits", async () => {
    const url = await start({ FLY_REDIS_IDLE_TIMEOUT_MS: "150", FLY_REDIS_MAX_AGE_MS: "0" });
    const [silent, waiting] = [await open(url), await open(url)];
    waiting.send(["BLPOP", "queue", "1"]);
    await silent.closed;
    expect(await waiting.take(1)).toEqual(["*-1\r\n"]);
    await waiting.closed;
    await fabric?.stop();
    const old = await open(await start({ FLY_REDIS_MAX_AGE_MS: "200" }));
    old.send(["BLPOP", "queue", "1"]);
    // Asked to leave long before, it goes once it has its answer.
    expect(await old.take(1)).toEqual(["*-1\r\n"]);
    await old.closed;
  });

  test("gives a client that was blocked the whole idle time again", async () => {
    const url = await start({ FLY_REDIS_IDLE_TIMEOUT_MS: "500" });
    const [blocked, silent] = [await open(url), await open(url)];
    blocked.send(["BLPOP", "queue", "0"]);
    await silent.closed;
    const next = await open(url);
    await next.call("RPUSH", "queue", "element");
    expect(await blocked.take(1)).toEqual([`*2\r\n${bulk("queue")}${bulk("element")}`]);
    // By now the blocked one was looked at for the second time.
    await next.closed;
    expect(await blocked.call("PING")).toBe("+PONG\r\n");
    await blocked.closed;
  });

  test("does not cut off a client that pauses before a large reply, also where others wait behind it", async () => {
    const url = await start({ FLY_REDIS_OUTPUT_LIMIT_BYTES: "1048576", FLY_REDIS_LANES_PER_PROTOCOL: "1" });
    const [reader, behind, server] = [await open(url), await open(url), await open(fabric!.regions[0]!.server.url)];
    // More than the kernel takes.
    const size = 64 * 1024 * 1024;
    await server.call("SET", "huge", Buffer.alloc(size, "h"));
    reader.socket.pause();
    // In one turn of the event loop, hence on one lane.
    for (const client of [reader, behind]) client.send(["STRLEN", "huge"], ["GET", "huge"]);
    await eventually(async () => expect(await server.call("CLIENT", "LIST")).toMatch(/ omem=\d{7}/));
    reader.socket.resume();
    for (const client of [reader, behind]) {
      const [length, value] = await client.take(2);
      expect(length).toBe(`:${size}\r\n`);
      expect(value).toHaveLength(`$${size}\r\n\r\n`.length + size);
    }
  });

  test("limits lanes that serve one session each", async () => {
    const url = await start({ FLY_REDIS_MAX_PRIVATE_LANES: "1" });
    const [first, second, server] = [await open(url), await open(url), await open(fabric!.regions[0]!.server.url)];
    first.send(["BLPOP", "queue", "0"]);
    await eventually(async () => expect(await second.call("INFO", "clients")).toContain("blocked_clients:1"));
    // A large reply makes the session prefer a lane of its own, which it can do without.
    await server.call("SET", "large", "x".repeat(100_000));
    second.send(["BLPOP", "queue", "0.01"], ["GET", "large"], ["SET", "k", "v"], ["GET", "k"]);
    expect(await second.take(4)).toEqual([
      expect.stringMatching(/^-ERR too many commands that need a connection of their own at once \(at most 1\)/),
      bulk("x".repeat(100_000)),
      OK,
      bulk("v"),
    ]);
    expect(await second.call("GET", "k")).toBe(bulk("v"));
    first.close();
    await eventually(async () => expect(await second.call("BLPOP", "queue", "0.01")).toBe("*-1\r\n"));
  });
});
