// Lanes to a cluster that fails over, stalls, or speaks nonsense.
import { once } from "node:events";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { encodeRequest } from "../../shim/resp/encoder";
import type { Lane } from "../../shim/upstream/lane";
import { LanePool, type LanePoolOptions } from "../../shim/upstream/lanePool";
import { eventually } from "../support/eventually";
import { Replica, testWithReplica } from "../support/replica";
import { describeOnServers, Server } from "../support/servers";
import { Sink } from "../support/sink";

const handshakes = [["PING"], ["HELLO", "3"]].map((words) => encodeRequest(words).toString());
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

/** A cluster that answers the handshake, or what it is told instead, and then does as it is told. */
async function fakeCluster(
  answer: (socket: Socket, request: string) => void,
  greet: (socket: Socket) => void = (socket) => socket.write("+PONG\r\n"),
): Promise<number> {
  const sockets = new Set<Socket>();
  const server: NetServer = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const requests = handshakes.reduce((text, handshake) => text.replace(handshake, ""), String(chunk));
      if (requests.length < chunk.length) greet(socket);
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

describeOnServers("a pool of lanes", (program) => {
  testWithReplica.each(["becomes a replica", "dies"] as const)(
    "finds the promoted replica by asking for the name again, when the old primary %s",
    async (fate) => {
      const old = await Server.start(program);
      stops.push(() => old.stop());
      const replica = await Replica.of(old, program);
      stops.push(() => replica.stop());
      const lookup: LanePoolOptions["lookup"] = (_name, _options, callback) =>
        callback(null, [{ address: replica.address, family: 4 }]);
      const pool = poolFor(old.port, { lookup }, new URL(old.url).password);
      expect(await call(pool, "SET", "k", "2")).toBe("+OK\r\n");
      await eventually(async () => expect(await replica.drivers[1].get("k")).toBe("2"));

      await replica.promote(fate);
      await eventually(async () => expect(await call(pool, "SET", "k", "3")).toBe("+OK\r\n"));
      expect(await call(pool, "GET", "k")).toBe("$1\r\n3\r\n");
      expect(await replica.drivers[1].get("k")).toBe("3");
    },
  );
});

test("a name that cannot be resolved is a cluster that cannot be reached, until it can", async () => {
  const port = await fakeCluster((socket) => socket.write("+fine\r\n"));
  let known = false;
  const lookup: LanePoolOptions["lookup"] = (name, _options, callback) => {
    if (known) callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else callback(new Error(`getaddrinfo ENOTFOUND ${name}`), []);
  };
  const pool = poolFor(port, { lookup });
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("unreachable"));
  known = true;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+fine\r\n"));
});

test("sessions are spread over as many lanes as there shall be, for each protocol version", async () => {
  const port = await fakeCluster((socket) => socket.write("+fine\r\n"));
  const pool = poolFor(port, { lanesPerProtocol: 3 });
  const lanes = ([2, 3] as const).flatMap((protocol) =>
    Array.from({ length: 7 }, () => pool.shared(protocol, pool.assignSlot())),
  );
  expect(new Set(lanes).size).toBe(6);
  expect(lanes[3]).toBe(lanes[0]);
});

test("at the limit, idle lanes of one protocol version make room for the other's, before those that sessions hold", async () => {
  const port = await fakeCluster((socket) => socket.write("+fine\r\n"));
  const pool = poolFor(port, { maxPrivateLanes: 2 });
  const [held, idle] = [pool.acquire(2, 0), pool.acquire(2, 0)] as [Lane, Lane];
  pool.release(idle, 2);
  const next = pool.acquire(3, 0) as Lane;
  expect([held, idle, next].map(({ state }) => state)).toEqual(["connecting", "closed", "connecting"]);
});

test("at the limit, lanes that are held and not in use make room", async () => {
  const port = await fakeCluster(() => undefined);
  const pool = poolFor(port, { maxPrivateLanes: 2 });
  const [held, busy] = [pool.acquire(2, 0), pool.acquire(2, 0)] as [Lane, Lane];
  busy.expect(new Sink(), 1);
  const next = pool.acquire(2, 0) as Lane;
  expect([held, busy, next].map(({ state }) => state)).toEqual(["closed", "connecting", "connecting"]);
  // Giving it back later does no harm.
  pool.release(held, 2);
  next.expect(new Sink(), 1);
  expect(pool.acquire(2, 0)).toMatch(
    /^ERR too many commands that need a connection of their own at once \(at most 2\)/,
  );
});

test("a cluster that goes silent is given up, and its commands get an error", async () => {
  let mute = false;
  const port = await fakeCluster((socket) => mute || socket.write("+fine\r\n"));
  const pool = poolFor(port, { timeoutMs: 200 });
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
  mute = true;
  expect(await call(pool, "GET", "k")).toMatch(/^-ERR upstream connection lost/);
  mute = false;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+fine\r\n"));
});

test("once the cluster went silent, nobody waits for the next lane until it is open", async () => {
  let mute = false;
  let greetings = 0;
  const port = await fakeCluster(
    (socket) => mute || socket.write("+fine\r\n"),
    (socket) => {
      greetings++;
      if (!mute) socket.write("+PONG\r\n");
    },
  );
  const pool = poolFor(port, { timeoutMs: 200 });
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
  mute = true;
  expect(await call(pool, "GET", "k")).toMatch(/^-ERR upstream connection lost/);
  await eventually(() => expect(greetings).toBe(2));
  expect(await call(pool, "GET", "k")).toBe("unreachable");
  expect(pool.acquire(2, 0)).toMatch(/^ERR the cluster cannot be reached/);
  mute = false;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+fine\r\n"));
});

test("a cluster that could never be reached is waited for once, and gets no command", async () => {
  const requests: string[] = [];
  let welcome = false;
  const port = await fakeCluster(
    (socket, request) => {
      requests.push(request);
      socket.write("+fine\r\n");
    },
    (socket) => {
      if (welcome) socket.write("+PONG\r\n");
      // What else there is to come would have come by then.
      else setImmediate(() => setImmediate(() => socket.end()));
    },
  );
  const pool = poolFor(port);
  expect(await call(pool, "SET", "k", "v")).toBe("-ERR the cluster cannot be reached, try again later\r\n");
  expect(await call(pool, "SET", "k", "v")).toBe("unreachable");
  expect([requests, pool.losses]).toEqual([[], 0]);
  welcome = true;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+fine\r\n"));
});

test("a command that blocks for a time waits so much longer for its reply, and not for ever", async () => {
  const port = await fakeCluster(() => undefined);
  const pool = poolFor(port, { timeoutMs: 200 });
  const lane = pool.acquire(2, 0) as Lane;
  const sink = new Sink();
  lane.expect(sink, 1);
  lane.write(encodeRequest(["BLPOP", "k", "0.3"]));
  lane.blocksMs = 300;
  await eventually(() => expect(sink.text).toMatch(/^-ERR upstream connection lost/));
});

test("once the cluster went silent, no lane to it is used again, and nobody waits on one for ever", async () => {
  let mute = false;
  const waiting = new Map<string, Socket>();
  const port = await fakeCluster((socket, request) => {
    const [queue] = /queue:\w+/.exec(request) ?? [];
    if (queue) waiting.set(queue, socket);
    else if (!mute) socket.write("+fine\r\n");
  });
  const pool = poolFor(port, { timeoutMs: 200 });
  const [idle, blocked, heard] = [0, 0, 0].map(() => pool.acquire(2, 0) as Lane) as [Lane, Lane, Lane];
  const sinks = [blocked, heard].map((lane, index) => {
    const sink = new Sink();
    lane.expect(sink, 2);
    lane.write(encodeRequest(["BLPOP", `queue:${index}`, "0"]));
    lane.blocksMs = Number.POSITIVE_INFINITY;
    return sink;
  });
  await eventually(() => expect([idle.state, waiting.size]).toEqual(["open", 2]));
  pool.release(idle, 2);
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
  mute = true;
  const answer = call(pool, "GET", "k");
  // To one of those that block the cluster still speaks.
  waiting.get("queue:1")?.write("+element\r\n");
  expect(await answer).toMatch(/^-ERR upstream connection lost/);
  expect([idle, blocked, heard].map(({ state }) => state)).toEqual(["closed", "closed", "open"]);
  expect(sinks.map(({ completed, text }) => [completed, text.slice(0, 8)])).toEqual([
    [2, "-ERR ups"],
    [1, "+element"],
  ]);
  expect(pool.acquire(2, 0)).not.toBe(idle);
});

test.each([
  ["closes its half", (socket: Socket) => socket.end()],
  ["resets the connection", (socket: Socket) => socket.resetAndDestroy()],
] as const)("a cluster that %s costs what was in flight, and nothing more", async (_deed, leave) => {
  let leaving = true;
  let last: Socket | undefined;
  const port = await fakeCluster((socket) => {
    last = socket;
    if (leaving) leave(socket);
    else socket.write("+fine\r\n");
  });
  const pool = poolFor(port);
  expect(await call(pool, "GET", "k")).toMatch(/^-ERR upstream connection lost/);
  leaving = false;
  await eventually(async () => expect(await call(pool, "GET", "k")).toBe("+fine\r\n"));
  // With nothing in flight, nobody is told.
  if (last) leave(last);
  await eventually(() => expect(pool.losses).toBe(2));
  expect(await call(pool, "GET", "k")).toBe("+fine\r\n");
});

test("a cluster that closes each connection once it is open is tried again after a pause", async () => {
  let greetings = 0;
  const port = await fakeCluster(
    () => undefined,
    (socket) => {
      greetings++;
      socket.end("+PONG\r\n");
    },
  );
  const pool = poolFor(port);
  pool.shared(2, 0);
  // A pause stands between two of them from the second on.
  await eventually(() => expect([greetings, pool.losses]).toEqual([2, 2]));
  expect(await call(pool, "GET", "k")).toBe("unreachable");
});

test("no more shared lanes are left to readers of large replies than may serve one session each", async () => {
  const port = await fakeCluster((socket) => socket.write(`$1000000\r\n${"x".repeat(70_000)}`));
  const pool = poolFor(port, { maxPrivateLanes: 2 });
  const lanes: (Lane | undefined)[] = [];
  for (let reader = 1; reader <= 3; reader++) {
    await eventually(() => expect(pool.shared(2, 0)?.state).toBe("open"));
    const lane = pool.shared(2, 0);
    const sink = new Sink();
    lane?.expect(sink, 1);
    lane?.write(encodeRequest(["GET", "large"]));
    await eventually(() => expect(sink.text.length).toBeGreaterThan(70_000));
    lanes.push(lane);
  }
  expect(new Set(lanes).size).toBe(3);
  expect(pool.shared(2, 0)).toBe(lanes[2]);
  expect(pool.acquire(2, 0)).toContain("at most 2");
  lanes[0]?.destroy();
  expect(typeof pool.acquire(2, 0)).toBe("object");
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

test("whatever RESP3 has passes through a lane as it came, wherever its chunks end", async () => {
  const push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
  const replies = [
    "|1\r\n+ttl\r\n:3600\r\n,3.25\r\n",
    push,
    "(3492890328409238509324850943850943825024385\r\n",
    "=15\r\ntxt:Some string\r\n",
    push,
    "*3\r\n|1\r\n$3\r\nkey\r\n%1\r\n+a\r\n~1\r\n,inf\r\n#t\r\n_\r\n!5\r\nERR x\r\n",
    "%1\r\n+k\r\n,-1e-7\r\n",
  ];
  const stream = Buffer.from(replies.join(""));
  const expected = replies.filter((reply) => reply !== push);
  let cut = 0;
  const port = await fakeCluster((socket) => {
    socket.write(stream.subarray(0, cut));
    setImmediate(() => socket.write(stream.subarray(cut)));
  });
  const pool = poolFor(port);
  for (cut = 1; cut < stream.length; cut++) {
    const lane = pool.shared(3, 0)!;
    const sink = new Sink();
    const whole = new Promise<void>((resolve) => {
      sink.flush = () => sink.completed === expected.length && resolve();
    });
    lane.expect(sink, expected.length);
    lane.write(encodeRequest(["GET", "k"]));
    await whole;
    expect(sink.text).toBe(expected.join(""));
  }
  expect([pool.pushes, pool.losses]).toEqual([2 * (stream.length - 1), 0]);
});
