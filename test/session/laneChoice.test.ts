// When a session's lane of its own is anybody's again.
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually";
import { type Listening, startListener } from "../support/listening";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";
import { holdTimeouts, pass, releaseTimeouts } from "../support/timeouts";

const large = "x".repeat(70_000);

describeWithServer("a lane of a session's own", () => {
  let server: Server;
  let listening: Listening;
  let direct: RawClient;
  const clients: RawClient[] = [];

  beforeEach(async () => {
    server = await Server.start();
    listening = await startListener({}, server);
    direct = await open(server.url);
    holdTimeouts();
  });
  afterEach(async () => {
    releaseTimeouts();
    for (const client of clients.splice(0)) client.close();
    await listening.stop();
    await server.stop();
  });

  async function open(url: string): Promise<RawClient> {
    const client = await RawClient.connect(url);
    clients.push(client);
    return client;
  }

  /** Lanes, but for the one that all share. */
  async function lanes(): Promise<number> {
    const [, count] = /connected_clients:(\d+)/.exec(await direct.call("INFO", "clients")) ?? [];
    return Number(count) - 2;
  }

  // Sixteen are kept for whoever comes next; so many sessions show that theirs are given back.
  const some = (): Promise<RawClient[]> => Promise.all(Array.from({ length: 20 }, () => open(listening.url)));

  test("is given back a while after its last command, though nothing follows", async () => {
    const sessions = await some();
    for (let round = 0; round < 3; round++) {
      // Who goes on like this keeps it.
      await Promise.all(sessions.map((client) => client.call("SET", "k", large)));
      pass(900);
      expect(await lanes()).toBe(20);
    }
    pass(100);
    await eventually(async () => expect(await lanes()).toBe(16));
  });

  test("is left where its server has become a replica, and no answer is lost", async () => {
    const client = await open(listening.url);
    const set = ["SET", "k", large];
    expect(await client.call(...set)).toBe("+OK\r\n");
    const [, id = ""] = /\bid=(\d+) .* cmd=set /.exec(await direct.call("CLIENT", "LIST")) ?? [];
    await direct.call("REPLICAOF", "127.0.0.1", "1");
    client.send(set, set, set);
    expect(await client.take(3)).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^-READONLY/)));
    await eventually(async () => expect(await direct.call("CLIENT", "LIST", "ID", id)).toBe("$0\r\n\r\n"));
  });

  test("is kept while it is busy, and given back then", async () => {
    const sessions = await some();
    for (const [index, client] of sessions.entries()) client.send(["BLPOP", `queue:${index}`, "0"]);
    await eventually(async () => expect(await direct.call("INFO", "clients")).toContain("blocked_clients:20\r\n"));
    pass(10_000);
    for (const index of sessions.keys()) await direct.call("RPUSH", `queue:${index}`, "element");
    for (const client of sessions) expect(await client.take(1)).toEqual([expect.stringContaining("element")]);
    pass(1000);
    await eventually(async () => expect(await lanes()).toBe(16));
  });
});
