// Lanes to a cluster that fails over, stalls, or speaks nonsense.
import { once } from "node:events";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import Redis from "ioredis-6";
import { pino } from "pino";
import { encodeRequest } from "../../shim/resp/encoder";
import type { ReplySink } from "../../shim/upstream/lane";
import { LanePool, type LanePoolOptions } from "../../shim/upstream/lanePool";
import { eventually } from "../support/eventually";
import { describeWithServer, Server } from "../support/servers";

/** Gathers what lanes hand out. */
class Sink implements ReplySink {
  readonly congested = false;
  readonly closed = false;
  text = "";
  completed = 0;
  cut = false;

  reply(bytes: Buffer, completed: number): void {
    this.text += bytes.toString("latin1");
    this.completed += completed;
  }
  flush(): void {}
  preferPrivate(): void {}
  cutOff(): void {
    this.cut = true;
  }
}

const HANDSHAKE = encodeRequest(["PING"]).toString();
const pools: LanePool[] = [];
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const pool of pools.splice(0)) pool.close();
  for (const stop of stops.splice(0).reverse()) await stop();
});

function poolFor(port: number, options: Partial<LanePoolOptions> = {}, password?: string): LanePool {
  const pool = new LanePool({
    address: { host: "cluster.test", port, tls: false, user: undefined, password },
    lanesPerProtocol: 1,
    maxPrivateLanes: 10,
    timeoutMs: 5000,
    lookup: (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
    log: pino({ level: "silent" }),
    ...options,
  });
  pools.push(pool);
  return pool;
}

/** Sends a command over the shared lane and returns its reply, or what the pool says instead. */
async function call(pool: LanePool, ...words: string[]): Promise<string> {
  const lane = pool.shared(2, 0);
  if (!lane) return "unreachable";
  const sink = new Sink();
  lane.expect(sink, 1);
  lane.write(encodeRequest(words));
  await eventually(() => expect(sink.completed + Number(sink.cut)).toBe(1));
  return sink.cut ? `${sink.text}(cut off)` : sink.text;
}

/** A cluster that answers the handshake and then does as it is told. */
async function fakeCluster(answer: (socket: Socket, request: string) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const requests = String(chunk).replace(HANDSHAKE, "");
      if (requests.length < chunk.length) socket.write("+PONG\r\n");
      if (requests !== "") answer(socket, requests);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

describeWithServer("a pool of lanes", () => {
  test("finds the new primary after a failover, by asking for the name again", async () => {
    const [old, promoted] = await Promise.all([Server.start(), Server.start()]);
    stops.push(() => Promise.all([old.stop(), promoted.stop()]));
    const drivers = [old, promoted].map(({ url }) => new Redis(url, { protocol: 2 }));
    stops.push(() => Promise.all(drivers.map((driver) => driver.quit())));
    const [first, second] = drivers as [Redis, Redis];
    const { password } = new URL(promoted.url);
    await first.config("SET", "requirepass", password);
    let lookups = 0;
    const lookup: LanePoolOptions["lookup"] = (_name, _options, callback) => {
      lookups++;
      callback(null, [{ address: "127.0.0.1", family: 4 }]);
    };
    const pool = poolFor(old.port, { lookup }, password);
    expect(await call(pool, "SET", "k", "2")).toBe("+OK\r\n");
    const before = lookups;
    // The old primary becomes a replica elsewhere, the new one takes its address; open connections stay with the old.
    await first.config("SET", "masterauth", password);
    await first.call("REPLICAOF", "127.0.0.1", String(promoted.port));
    await first.config("SET", "port", "0");
    await second.config("SET", "port", String(old.port));
    await eventually(async () => expect(await call(pool, "SET", "k", "3")).toBe("+OK\r\n"));
    expect(lookups).toBeGreaterThan(before);
    expect(await second.get("k")).toBe("3");
  });
});

test("a cluster that goes silent is given up, and its commands get an error", async () => {
  let mute = false;
  const port = await fakeCluster((socket) => mute || socket.write("+fine\r\n"));
  const pool = poolFor(port, { timeoutMs: 200 });
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
  mute = true;
  expect(await call(pool, "GET", "k")).toMatch(/^-ERR upstream connection lost/);
  mute = false;
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
});

test("a reply that breaks off closes its client, for nothing behind it could be understood", async () => {
  const port = await fakeCluster((socket) => socket.end("$10\r\nhalf"));
  expect(await call(poolFor(port), "GET", "k")).toBe("$10\r\nhalf(cut off)");
});

test.each(["HTTP/1.1 200 OK\r\n", "+one\r\n+too many\r\n$x\r\n"])("nonsense closes the lane: %j", async (nonsense) => {
  let sane = false;
  const port = await fakeCluster((socket) => socket.write(sane ? "+sane\r\n" : nonsense));
  const pool = poolFor(port);
  expect(await call(pool, "GET", "k")).toMatch(/^(-ERR upstream connection lost|\+one)/);
  sane = true;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+sane\r\n"));
});

test("push frames are dropped and counted, also in the middle of replies and chunks", async () => {
  const port = await fakeCluster((socket) => {
    socket.write(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+first\r\n>1\r\n+x");
    setImmediate(() => socket.write("\r\n+second\r\n"));
  });
  const pool = poolFor(port);
  const lane = pool.shared(2, 0)!;
  const sink = new Sink();
  lane.expect(sink, 2);
  lane.write(encodeRequest(["GET", "a"]));
  await eventually(() => expect(sink.completed).toBe(2));
  expect(sink.text).toBe("+first\r\n+second\r\n");
  expect(pool.pushes).toBe(2);
});
