// The shim's own conversation with a cluster whose host goes without a word, or is a primary no more.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import Redis from "ioredis-6";
import { pino } from "pino";
import { Control } from "../../shim/upstream/control";
import { eventually } from "../support/eventually";
import { describeOnServers, Server } from "../support/servers";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Passes bytes on to a server, until what is connected by then is frozen, or the next ones go to another server. */
async function relayTo(first: Server) {
  let server = first;
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far).pipe(near);
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  const freeze = (): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  const redirect = (to: Server): void => {
    server = to;
  };
  return { port: (relay.address() as { port: number }).port, freeze, redirect };
}

describeOnServers("the control connection", (program) => {
  async function start(): Promise<Server> {
    const server = await Server.start(program);
    stops.push(() => server.stop());
    return server;
  }

  /** Connects to a port, where the server has a password. What the connection tells is kept. */
  async function control(port: number, password: string) {
    const told: { learned: string[][]; demotions: number; silences: number } = {
      learned: [],
      demotions: 0,
      silences: 0,
    };
    const address = { host: "127.0.0.1", port, tls: false, user: undefined, password };
    const connection = new Control(address, 200, pino({ level: "silent" }), {
      learned: (commands) => told.learned.push(commands.map(({ name }) => name)),
      demoted: () => told.demotions++,
      silent: () => told.silences++,
    });
    stops.push(() => connection.stop());
    await connection.start();
    return Object.assign(told, { connection });
  }

  test("learns the cluster's commands and name, and is made anew when the cluster falls silent", async () => {
    const server = await start();
    const { port, freeze } = await relayTo(server);
    const told = await control(port, new URL(server.url).password);
    const { connection } = told;
    await eventually(() => expect(told.learned).toEqual([expect.arrayContaining(["GET", "BLPOP"])]));
    await eventually(() => expect(connection.identity).not.toEqual({ server: "redis", version: "7.0.0" }));
    freeze();
    // Without anybody's asking.
    await eventually(() => expect(told.silences).toBe(1));
    await eventually(async () => expect(await connection.info(["server"])).toContain("redis_version"));
    await eventually(() => expect(told.learned).toHaveLength(2));
    expect(told.demotions).toBe(0);
  });

  test("refuses to ask a cluster that it has not reached, instead of waiting", async () => {
    const server = await start();
    const { connection } = await control(server.port, new URL(server.url).password);
    await eventually(() => expect(connection.ready).toBe(true));
    process.kill(server.pid, "SIGSTOP");
    stops.push(() => process.kill(server.pid, "SIGCONT"));
    // The server's kernel goes on accepting connections.
    await eventually(() => expect(connection.ready).toBe(false));
    await expect(connection.info(["server"])).rejects.toThrow("the cluster cannot be reached");
    process.kill(server.pid, "SIGCONT");
    await eventually(async () => expect(await connection.info(["server"])).toContain("redis_version"));
  });

  test("notices that its server is no primary any more, and looks for the one that is", async () => {
    const [old, next] = [await start(), await start()];
    const { password } = new URL(old.url);
    const driver = new Redis(old.url, { protocol: 2 });
    const other = new Redis(next.url, { protocol: 2 });
    stops.push(() => [driver, other].map((each) => each.disconnect()));
    await other.config("SET", "requirepass", password);
    const { port, redirect } = await relayTo(old);
    const told = await control(port, password);
    await eventually(() => expect([told.learned.length, told.connection.ready]).toEqual([1, true]));
    // Its connections stay.
    await driver.call("REPLICAOF", "127.0.0.1", String(next.port));
    await eventually(() => expect(told.connection.ready).toBe(false));
    await eventually(() => expect(told.demotions).toBeGreaterThan(1));
    expect(told.connection.ready).toBe(false);
    redirect(next);
    await eventually(() => expect(told.connection.ready).toBe(true));
    expect(await told.connection.info(["server"])).toContain(`tcp_port:${next.port}\r\n`);
  });
});
