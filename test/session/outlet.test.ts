// Clients that read slowly or not at all: whoever takes something gets everything, whoever takes nothing is let go.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Outlet } from "../../shim/session/outlet";
import { DirectWriter } from "../../shim/sockets/directWriting";
import { eventually } from "../support/eventually";
import { startListener } from "../support/listening";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";
import { holdTimeouts, pass, releaseTimeouts } from "../support/timeouts";

const MINUTE_MS = 60_000;
const MEGABYTE = 1024 * 1024;
/** More than the kernel takes. */
const MEGABYTES = 40;

describe("an outlet", () => {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  let accepted: Socket;
  let client: Socket;
  let tooSlow: number;
  let received: number;
  let outlet: Outlet;

  beforeEach(async () => {
    if (!server.listening) await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    client = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).pause();
    [accepted] = (await once(server, "connection")) as [Socket];
    [tooSlow, received] = [0, 0];
    outlet = new Outlet(accepted, MEGABYTES * MEGABYTE, {
      idle() {},
      large() {},
      tooSlow: () => {
        tooSlow++;
      },
    });
    holdTimeouts();
  });
  afterEach(() => {
    releaseTimeouts();
    for (const socket of [accepted, client]) socket.destroy();
    server.close();
  });

  function answer(megabytes: number): void {
    for (let at = 0; at < megabytes; at++) outlet.answer(Buffer.alloc(MEGABYTE, at));
    outlet.write();
  }

  /** Reads until it is enough. */
  async function read(enough: () => boolean): Promise<void> {
    while (!enough()) {
      const chunk: Buffer | null = client.read();
      if (chunk) received += chunk.length;
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  test("that ends gives a slow reader all it is owed, however late, and then lingers for a while", async () => {
    answer(MEGABYTES);
    outlet.end();
    pass(MINUTE_MS - 1);
    await read(() => received === MEGABYTES * MEGABYTE || accepted.destroyed);
    expect(received).toBe(MEGABYTES * MEGABYTE);
    // The client keeps its half open.
    await eventually(() => {
      pass(2000);
      expect(accepted.destroyed).toBe(true);
    });
    expect(tooSlow).toBe(0);
  });

  test("takes one that reads a little each minute for slow, and one that reads nothing for gone", async () => {
    // In one write, the way a client's backlog goes out.
    outlet.answer(Buffer.alloc(MEGABYTES * MEGABYTE));
    outlet.write();
    const writer = new DirectWriter(accepted);
    for (let minute = 0; minute < 5; minute++) {
      const before = writer.pendingBytes;
      await read(() => writer.pendingBytes < before);
      pass(MINUTE_MS);
      expect(tooSlow).toBe(0);
    }
    pass(MINUTE_MS);
    expect(tooSlow).toBe(1);
  });

  test("looks no further once all is taken, and begins anew", async () => {
    answer(MEGABYTES);
    await read(() => received === MEGABYTES * MEGABYTE);
    pass(10 * MINUTE_MS);
    answer(MEGABYTES);
    pass(MINUTE_MS - 1);
    expect(tooSlow).toBe(0);
    pass(1);
    expect(tooSlow).toBe(1);
  });
});

describeWithServer("a client that stops reading", () => {
  test("in the middle of a large reply is disconnected, logged and counted, and its lane is free", async () => {
    const server = await Server.start();
    const listening = await startListener({}, server);
    const [reader, direct] = [await RawClient.connect(listening.url), await RawClient.connect(server.url)];
    try {
      await direct.call("SET", "huge", Buffer.alloc(MEGABYTES * MEGABYTE, "h"));
      holdTimeouts();
      reader.socket.pause();
      reader.send(["GET", "huge"]);
      await eventually(() => {
        pass(MINUTE_MS);
        expect(listening.counters.overflows).toBe(1);
      });
      reader.socket.resume();
      await reader.closed;
      expect(listening.lines).toEqual([expect.stringContaining("disconnected a client that reads too slowly")]);
      await eventually(async () => expect(await direct.call("INFO", "clients")).toContain("connected_clients:1\r\n"));
    } finally {
      releaseTimeouts();
      for (const client of [reader, direct]) client.close();
      await listening.stop();
      await server.stop();
    }
  });
});

describeWithServer("a client that sends on and on", () => {
  test("behind a command that blocks is disconnected at the limit, logged and counted, and its lane is free", async () => {
    const server = await Server.start();
    const listening = await startListener({}, server, MEGABYTE);
    const [blocked, direct] = [await RawClient.connect(listening.url), await RawClient.connect(server.url)];
    try {
      blocked.send(["BLPOP", "queue", "0"]);
      blocked.send(...Array.from({ length: 1200 }, () => ["SET", "k", "x".repeat(1000)]));
      await blocked.closed;
      expect(listening.counters.overflows).toBe(1);
      expect(listening.lines).toEqual([
        expect.stringContaining("disconnected a client that sent too much behind a command that blocks"),
      ]);
      await eventually(async () => expect(await direct.call("INFO", "clients")).toContain("blocked_clients:0\r\n"));
      expect(await direct.call("RPUSH", "queue", "element")).toBe(":1\r\n");
    } finally {
      for (const client of [blocked, direct]) client.close();
      await listening.stop();
      await server.stop();
    }
  });
});
