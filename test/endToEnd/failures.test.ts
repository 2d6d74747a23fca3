// What clients see when the cluster goes, and when the shim is told to go.
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric, Region } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { shimVariables } from "../../shim/contract";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { limitOpenFiles, openFiles, testWithFileLimits } from "../support/openFiles";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

type Pair = [RawClient, RawClient];

const OK = "+OK\r\n";
const LOST = "-ERR upstream connection lost, the command may or may not have run\r\n";
const UNREACHABLE = "-ERR the cluster cannot be reached, try again later\r\n";

describeWithServer("a shim whose cluster goes away", () => {
  let fabric: Fabric;
  let region: Region;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({ regions: ["eu-west-1", "us-east-1"] });
    region = fabric.regions[0]!;
  });
  afterAll(() => fabric?.stop());
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function open(): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region));
    clients.push(client);
    return client;
  }

  test("answers errors at once, keeps its clients, and recovers by itself", async () => {
    const [client, blocked] = [await open(), await open()];
    await client.call("SET", "k", "v");
    blocked.send(["BLPOP", "queue", "0"]);
    await eventually(async () => expect(await client.call("INFO", "clients")).toContain("blocked_clients:1"));
    await region.server.stop("SIGKILL");
    expect(await blocked.take(1)).toEqual([LOST]);
    await eventually(async () => expect(await client.call("GET", "k")).toBe(UNREACHABLE));
    client.send(["PING"], ["GET", "k"], ["BLPOP", "queue", "0"], ["EVAL", "x", "0"], ["INFO"]);
    expect(await client.take(5)).toEqual([
      "+PONG\r\n",
      UNREACHABLE,
      UNREACHABLE,
      expect.stringContaining("unknown command 'EVAL'"),
      UNREACHABLE,
    ]);
    // What is written before replay has noticed counts as lost with the server.
    const { operationsPort } = region.shims[0]!;
    await eventually(async () => expect((await fetch(`http://127.0.0.1:${operationsPort}/ready`)).status).toBe(503));
    // Accepted without the home cluster: the bus brings it back when the cluster is there again.
    client.send(["SELECT", "1"], ["SET", "meanwhile", "accepted"], ["SELECT", "0"]);
    expect(await client.take(3)).toEqual([OK, OK, OK]);
    await region.server.restart();
    for (const each of [client, blocked]) {
      await eventually(async () => expect(await each.call("GET", "k")).toBe("$-1\r\n"));
      await eventually(async () => expect(await each.call("GET", "meanwhile")).toBe("$8\r\naccepted\r\n"));
    }
  });

  test("errors commands in flight when a stalled cluster is killed, in their places", async () => {
    const client = await open();
    await client.call("SET", "k", "v");
    process.kill(region.server.pid, "SIGSTOP");
    client.send(["GET", "k"], ["PING"], ["GET", "k"], ["EVAL", "x", "0"]);
    await region.server.stop("SIGKILL");
    const replies = await client.take(4);
    expect(replies.map((reply) => reply.split(",")[0])).toEqual([
      "-ERR upstream connection lost",
      "+PONG\r\n",
      "-ERR upstream connection lost",
      "-ERR unknown command 'EVAL' (not supported by Redis on Fly)\r\n",
    ]);
    await region.server.restart();
    await eventually(async () => expect(await client.call("GET", "k")).toBe("$-1\r\n"));
  });

  test("closes a client whose reply breaks off in its middle, and serves the others", async () => {
    const [reader, other] = [await open(), await open()];
    await other.call("SET", "huge", Buffer.alloc(30 * 1024 * 1024, "h"));
    reader.send(["GET", "huge"]);
    await once(reader.socket, "data");
    // It reads no further, so that the server still has the rest when it is killed.
    reader.socket.pause();
    expect(await other.call("STRLEN", "huge")).toBe(":31457280\r\n");
    await region.server.stop("SIGKILL");
    reader.socket.resume();
    await reader.closed;
    expect(await reader.take(1)).toEqual([]);
    await region.server.restart();
    await eventually(async () => expect(await other.call("GET", "huge")).toBe("$-1\r\n"));
    expect(await (await open()).call("PING")).toBe("+PONG\r\n");
  });

  test("frees what a client that leaves was blocked on", async () => {
    const [client, blocked] = [await open(), await open()];
    blocked.send(["BLPOP", "queue", "0"]);
    await eventually(async () => expect(await client.call("INFO", "clients")).toContain("blocked_clients:1"));
    blocked.close();
    await eventually(async () => expect(await client.call("INFO", "clients")).toContain("blocked_clients:0"));
    expect(await client.call("RPUSH", "queue", "element")).toBe(":1\r\n");
    expect(await client.call("LPOP", "queue")).toBe("$7\r\nelement\r\n");
  });
});

describeWithServer("a shim whose cluster stalls", () => {
  test("gives every command an error in time, then at once, and recovers by itself", async () => {
    const fabric = await startFabric({
      regions: ["eu-west-1"],
      launch: (environment) => launchInProcess({ ...environment, [shimVariables.upstreamTimeoutMs]: "200" }),
    });
    const region = fabric.regions[0]!;
    const [client, other] = (await Promise.all([0, 1].map(() => RawClient.connect(fabric.url(region))))) as Pair;
    try {
      await client.call("SET", "k", "v");
      process.kill(region.server.pid, "SIGSTOP");
      client.send(["GET", "k"], ["PING"], ["BLPOP", "queue", "0.1"]);
      // The stalled server's kernel accepts connections, for which nobody waits.
      expect(await client.take(3)).toEqual([LOST, "+PONG\r\n", UNREACHABLE]);
      expect(await other.call("GET", "k")).toBe(UNREACHABLE);
      expect(await other.call("INFO")).toBe(UNREACHABLE);
      expect(await other.call("PING")).toBe("+PONG\r\n");
      process.kill(region.server.pid, "SIGCONT");
      for (const each of [client, other]) {
        await eventually(async () => expect(await each.call("GET", "k")).toBe("$1\r\nv\r\n"));
      }
    } finally {
      for (const each of [client, other]) each.close();
      await fabric.stop();
    }
  });
});

describeWithServer("a shim process that runs out of file descriptors", () => {
  testWithFileLimits("goes on serving its clients, turns new ones away, and recovers by itself", async () => {
    const fabric = await startFabric({ regions: ["eu-west-1"], launch: launchShimProcess });
    const region = fabric.regions[0]!;
    const { pid } = region.shims[0]!;
    const url = fabric.url(region);
    const clients = await Promise.all([0, 1].map(() => RawClient.connect(url)));
    const [client, other] = clients as Pair;
    try {
      await client.call("SET", "k", "v");
      const restore = limitOpenFiles(pid, openFiles(pid) + 3);
      // One after the other is taken until no descriptor is left; then they are closed without an answer.
      for (let turnedAway = false; !turnedAway; ) {
        const late = await RawClient.connect(url).catch(() => undefined);
        if (late) clients.push(late);
        turnedAway = late === undefined;
      }
      expect(await client.call("GET", "k")).toBe("$1\r\nv\r\n");
      expect(await other.call("BLPOP", "queue", "0.01")).toMatch(/^-ERR (upstream connection lost|the cluster cannot)/);
      // Not even a lost lane stays lost: what it had is there for the next one.
      await region.server.restart();
      await eventually(async () => expect(await client.call("GET", "k")).toBe("$-1\r\n"));
      restore();
      await eventually(async () => expect(await other.call("BLPOP", "queue", "0.01")).toBe("*-1\r\n"));
      clients.push(await RawClient.connect(url));
      expect(await clients.at(-1)?.call("GET", "k")).toBe("$-1\r\n");
    } finally {
      for (const each of clients) each.close();
      await fabric.stop();
    }
  });
});

describeWithServer("a shim process that gets SIGTERM", () => {
  test("finishes what is in flight, publishes what it accepted, and exits with 0", async () => {
    const fabric = await startFabric({ regions: ["eu-west-1", "us-east-1"], shims: 2, launch: launchShimProcess });
    try {
      const [region, other] = fabric.regions as [Region, Region];
      const shim = region.shims[1]!;
      const client = await RawClient.connect(fabric.url(region, shim));
      const idle = await RawClient.connect(fabric.url(region, shim));
      client.send(["BLPOP", "queue", "0"]);
      const helper = await RawClient.connect(fabric.url(region));
      await eventually(async () => expect(await helper.call("INFO", "clients")).toContain("blocked_clients:1"));
      const writer = await RawClient.connect(fabric.url(region, shim));
      writer.send(["SELECT", "1"], ...Array.from({ length: 500 }, (_, index) => ["SET", `drain:${index}`, "x"]));
      await writer.take(501);
      process.kill(shim.pid, "SIGTERM");
      await idle.closed;
      await expect(RawClient.connect(fabric.url(region, shim))).rejects.toThrow("ECONNREFUSED");
      await helper.call("RPUSH", "queue", "element");
      expect(await client.take(1)).toEqual(["*2\r\n$5\r\nqueue\r\n$7\r\nelement\r\n"]);
      await client.closed;
      expect(await shim.ended()).toMatch(/0/);
      const reader = await RawClient.connect(fabric.url(other));
      await eventually(async () => {
        const exists = ["EXISTS", ...Array.from({ length: 500 }, (_, index) => `drain:${index}`)];
        expect(await reader.call(...exists)).toBe(":500\r\n");
      });
      for (const each of [helper, reader]) each.close();
    } finally {
      await fabric.stop();
    }
  });
});
