// Real servers: their settings, their lives and their ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { describeWithServer, Server } from "../support/servers";

describeWithServer("a server", () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(): Promise<Server> {
    const server = await Server.start();
    ends.push(() => server.stop());
    return server;
  }

  function connect(url: string): Redis {
    const client = new Redis(url, { retryStrategy: () => 10 });
    client.on("error", () => {});
    ends.push(async () => client.disconnect());
    return client;
  }

  test("keeps nothing on disk, evicts, and asks for its password", async () => {
    const server = await start();
    const config = await connect(server.url).config(
      "GET",
      "save",
      "appendonly",
      "maxmemory",
      "maxmemory-policy",
      "bind",
    );
    expect(config).toEqual(expect.arrayContaining(["", "no", String(256 * 1024 * 1024), "allkeys-lru", "127.0.0.1"]));
    const stranger = new URL(server.url);
    stranger.username = "";
    stranger.password = "";
    await expect(connect(stranger.href).get("key")).rejects.toThrow("NOAUTH");
  });

  test("is gone when stopped, and says how it ended", async () => {
    const server = await start();
    const words = server.ended();
    await server.stop("SIGKILL");
    expect(await words).toContain("was killed by SIGKILL");
    expect(() => process.kill(server.pid, 0)).toThrow("ESRCH");
  });

  test("comes back empty on the same port after a crash", async () => {
    const server = await start();
    const { url, pid } = server;
    const client = connect(url);
    await client.set("key", "value");
    await server.stop("SIGKILL");
    await server.restart();
    expect([server.url, server.pid === pid]).toEqual([url, false]);
    expect(await client.get("key")).toBeNull();
  });

  test("does not outlive the process that started it, even if that is killed", async () => {
    const program = `require("./local/dist/servers.js").Server.start().then((server) => console.log(server.port))`;
    const parent = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    const [port] = await once(createInterface(parent.stdout), "line");
    const connection = createConnection(Number(port), "127.0.0.1");
    await once(connection, "connect");
    const closed = new Promise((resolve) => connection.once("close", resolve));
    // A reset is as good an end as any.
    connection.on("error", () => undefined);
    parent.kill("SIGKILL");
    await closed;
  });
});
