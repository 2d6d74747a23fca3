// Sessions among each other: whatever their pipelines mix, each gets its own replies, in order, and slow or large ones do
// not hold up the rest.
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { encodeRequest } from "../../shim/resp/encoder";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers } from "../support/servers";

const OK = "+OK\r\n";
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const refusal = (name: string): string => `-ERR unknown command '${name}' (not supported by Redis on Fly)\r\n`;

describeOnServers("sessions", (program) => {
  let fabric: Fabric;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({ regions: ["eu-west-1"], server: program });
  });
  afterAll(() => fabric?.stop());
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function open(url = fabric.url(fabric.regions[0]!)): Promise<RawClient> {
    const client = await RawClient.connect(url);
    clients.push(client);
    return client;
  }

  test("many at once each get their own replies", async () => {
    const crowd = await Promise.all(Array.from({ length: 50 }, () => open()));
    const rounds = 40;
    await Promise.all(
      crowd.map(async (client, index) => {
        const name = index % 2 === 0 ? "2" : "3";
        await client.call("HELLO", name);
        for (let round = 0; round < rounds; round++) {
          const value = `${index}:${round}`;
          client.send(["SET", `crowd:${index}`, value], ["PING", value], ["GET", `crowd:${index}`], ["multi"]);
          expect(await client.take(4)).toEqual([OK, bulk(value), bulk(value), refusal("multi")]);
        }
      }),
    );
  });

  test.each([
    ["BLPOP wake 0", "RPUSH wake up"],
    ["XREAD COUNT 1 BLOCK 0 STREAMS wake:stream $", "XADD wake:stream 1-1 f up"],
    // A group and its consumer may bear the names of options.
    ["XREADGROUP GROUP streams block BLOCK 0 STREAMS wake:group >", "XADD wake:group 1-1 f up"],
  ])("a client that blocks by %s holds nobody up", async (blocking, waking) => {
    const [blocked, other] = [await open(), await open()];
    await other.call("XGROUP", "CREATE", "wake:group", "streams", "$", "MKSTREAM");
    blocked.send(blocking.split(" "), ["PING"]);
    await eventually(async () => expect(await other.call("INFO", "clients")).toContain("blocked_clients:1"));
    // On the lane that all share.
    expect(await other.call("EXISTS", "nothing")).toBe(":0\r\n");
    expect(await other.call(...waking.split(" "))).not.toMatch(/^-/);
    expect(await blocked.take(2)).toEqual([expect.stringContaining("up\r\n"), "+PONG\r\n"]);
  });

  test.each([
    ["BLPOP timed TIMEOUT", "30", "0.05", "RPUSH timed element"],
    ["XREAD BLOCK TIMEOUT STREAMS timed $", "30000", "50", "XADD timed * f element"],
  ])(
    "%s ends when the server says so: what comes before is the client's, what comes after is not",
    async (...sample) => {
      const [blocking, long, short, adding] = sample;
      const [blocked, other, monitor] = [await open(), await open(), await open(fabric.regions[0]!.server.url)];
      const block = (timeout: string): string[] => blocking.replace("TIMEOUT", timeout).split(" ");
      await other.call("DEL", "timed");
      expect(await monitor.call("MONITOR")).toBe(OK);
      /** What the server is sent next under the command's name. */
      async function seen(): Promise<string> {
        for (;;) {
          const [line = ""] = await monitor.take(1);
          if (line === "" || line.includes(` "${block("")[0]}" `)) return line.replace(/^[^"]*/, "");
        }
      }

      blocked.send(block(long));
      expect(await seen()).toBe(
        `${block(long)
          .map((word) => `"${word}"`)
          .join(" ")}\r\n`,
      );
      await eventually(async () => expect(await other.call("INFO", "clients")).toContain("blocked_clients:1"));
      await other.call(...adding.split(" "));
      expect(await blocked.take(1)).toEqual([expect.stringContaining("element")]);

      blocked.send(block(short));
      expect(await seen()).toBe(
        `${block(short)
          .map((word) => `"${word}"`)
          .join(" ")}\r\n`,
      );
      expect(await blocked.take(1)).toEqual(["*-1\r\n"]);
      expect(await other.call(...adding.split(" "))).not.toMatch(/^-/);
      expect(await blocked.call("TYPE", "timed")).toMatch(/^\+(list|stream)/);
    },
  );

  const spoken = "x".repeat(60_000);
  /** Has a client say things until all is sent. */
  async function speak(client: RawClient, total: number, said: (count: number) => void = () => undefined) {
    for (let count = 0; count < total; count++) {
      said(count);
      if (!client.socket.write(encodeRequest(["ECHO", `${count} ${spoken}`]))) await once(client.socket, "drain");
    }
  }
  const echoes = (total: number): string[] => Array.from({ length: total }, (_, count) => bulk(`${count} ${spoken}`));

  test("a client that blocks and sends on and on is read all the while, and gets all its answers", async () => {
    const [blocked, other] = [await open(), await open()];
    // More than the kernel's buffers hold.
    const total = 600;
    blocked.send(["XREAD", "BLOCK", "0", "STREAMS", "wakes", "$"]);
    await speak(blocked, total);
    await other.call("XADD", "wakes", "1-1", "f", "v");
    const [woken, ...answers] = await blocked.take(total + 1);
    expect(woken).toContain("wakes");
    expect(answers).toEqual(echoes(total));
  });

  test("one that waits for a while is read no further than its commands may wait, and gets all its answers", async () => {
    const [waiting, other] = [await open(), await open()];
    const total = 600;
    const { pid } = fabric.regions[0]!.server;
    process.kill(pid, "SIGSTOP");
    // The second one needs another lane.
    waiting.send(["GET", "nothing"], ["BLPOP", "nothing", "0.01"]);
    let sent = 0;
    const speaking = speak(waiting, total, (count) => {
      sent = count;
    });
    // Until nothing moves any more: what is on its way between the two are the kernel's buffers.
    for (let before = -1; before !== sent; ) {
      before = sent;
      for (let round = 0; round < 100; round++) await other.call("PING");
    }
    process.kill(pid, "SIGCONT");
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(total / 2);
    const [, , ...answers] = await waiting.take(total + 2);
    expect(answers).toEqual(echoes(total));
    await speaking;
  });

  test("a client that does not read a large reply holds nobody up, and gets it when it reads", async () => {
    const [slow, other] = [await open(), await open()];
    const size = 20 * 1024 * 1024;
    await other.call("SET", "huge", Buffer.alloc(size, "h"));
    slow.socket.pause();
    slow.send(["GET", "huge"], ["GET", "small"], ["GET", "huge"]);
    await other.call("SET", "small", "value");
    for (let round = 0; round < 100; round++) expect(await other.call("GET", "small")).toBe(bulk("value"));
    slow.socket.resume();
    const replies = await slow.take(3);
    expect(replies.map(({ length }) => length)).toEqual([size + 13, expect.any(Number), size + 13]);
    await other.call("DEL", "huge");
  });

  test("a client that never reads is cut off at the output limit", async () => {
    const [greedy, other] = [await open(), await open()];
    await other.call("SET", "page", Buffer.alloc(60_000, "p"));
    greedy.socket.pause();
    // 90 MB of replies, each too small to make a lane of its own worthwhile.
    const batch = Buffer.concat(Array.from({ length: 1500 }, () => encodeRequest(["GET", "page"])));
    greedy.write(batch);
    await eventually(async () => {
      const metrics = await fetch(`http://127.0.0.1:${fabric.regions[0]!.shims[0]!.operationsPort}/metrics`);
      expect(await metrics.text()).toMatch(/redis_on_fly_overflows_total 1\n/);
    });
    greedy.socket.resume();
    await greedy.closed;
    expect(await other.call("PING")).toBe("+PONG\r\n");
  });

  test("commands too large to gather, of many small words, are answered at once", async () => {
    const client = await open();
    const many = Array.from({ length: 60_000 }, (_, index) => `word ${index}`);
    client.send(
      ["EVAL", ...many],
      ["NOSUCH", ...many],
      ["SELECT", "1"],
      ["MSET", ...many],
      ["MGET", ...many],
      ["PING"],
    );
    expect(await client.take(6)).toEqual([
      refusal("EVAL"),
      "-ERR unknown command 'NOSUCH', with args beginning with: \r\n",
      OK,
      OK,
      OK,
      "+PONG\r\n",
    ]);
  });

  test("a client that leaves in mid-command disturbs nobody", async () => {
    const other = await open();
    for (const bytes of [
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nab",
      `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$900000\r\n${"x".repeat(100_000)}`,
      "*3\r\n$5\r\nBLP",
    ]) {
      const leaving = await open();
      leaving.write(bytes);
      leaving.close();
      expect(await other.call("GET", "k")).toBe("$-1\r\n");
    }
  });

  test("one that is not authenticated is told so, and may authenticate", async () => {
    const { port } = new URL(fabric.url(fabric.regions[0]!));
    const client = await open(`redis://127.0.0.1:${port}`);
    const { password, username } = new URL(fabric.url(fabric.regions[0]!));
    const noAuth = "-NOAUTH Authentication required.\r\n";
    client.send(["GET", "k"], ["PING"], ["EVAL", "x", "0"], ["NOSUCH"], ["AUTH", "wrong"], ["AUTH", username, "wrong"]);
    expect(await client.take(6)).toEqual([
      ...Array.from({ length: 4 }, () => noAuth),
      "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
      "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
    ]);
    client.send(["AUTH", "default", password], ["PING"], ["RESET"], ["PING"], ["AUTH", password], ["PING"]);
    expect(await client.take(6)).toEqual([OK, "+PONG\r\n", "+RESET\r\n", noAuth, OK, "+PONG\r\n"]);
    client.write(`auth ${username} "${password}"\r\nping\r\n`);
    expect(await client.take(2)).toEqual([OK, "+PONG\r\n"]);
    expect(await client.call("HELLO", "3", "SETNAME", "app", "AUTH", username, password)).toMatch(/^%7\r\n/);
  });

  test("QUIT answers everything before it and closes", async () => {
    const client = await open();
    client.send(["SET", "k", "v"], ["GET", "k"], ["QUIT"], ["GET", "k"]);
    expect(await client.take(4)).toEqual([OK, bulk("v"), OK]);
    await client.closed;
    await (await open()).call("DEL", "k");
  });

  test("a browser that was lured here is cut off", async () => {
    const client = await open();
    client.write("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET k v\r\n");
    await client.closed;
    expect(await (await open()).call("EXISTS", "k")).toBe(":0\r\n");
  });

  test("tells its health", async () => {
    const { operationsPort } = fabric.regions[0]!.shims[0]!;
    const ask = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${operationsPort}${path}`)).status;
    expect(await Promise.all(["/live", "/ready", "/metrics", "/"].map(ask))).toEqual([200, 200, 200, 404]);
  });
});
