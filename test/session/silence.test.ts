// A cluster whose host falls silent without closing a connection hangs nobody, whatever is in flight.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers } from "../support/servers";

const lost = expect.stringMatching(/^-ERR upstream connection lost/);
const MEGABYTE = 1024 * 1024;

describeOnServers("when the cluster's host falls silent", (program) => {
  let fabric: Fabric;
  let clients: RawClient[];

  beforeAll(async () => {
    const variables = { FLY_REDIS_UPSTREAM_TIMEOUT_MS: "200" };
    fabric = await startFabric({
      regions: ["eu-west-1"],
      server: program,
      launch: (environment) => launchInProcess({ ...environment, ...variables }),
    });
  });
  afterAll(() => fabric?.stop());
  beforeEach(() => {
    clients = [];
  });
  afterEach(() => {
    signal("SIGCONT");
    for (const client of clients) client.close();
  });

  async function open(): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(fabric.regions[0]!));
    clients.push(client);
    return client;
  }

  function signal(name: "SIGSTOP" | "SIGCONT"): void {
    process.kill(fabric.regions[0]!.server.pid, name);
  }

  async function untilBlocked(count: number): Promise<void> {
    const client = await open();
    await eventually(async () => expect(await client.call("INFO", "clients")).toContain(`blocked_clients:${count}\r`));
  }

  test("a command that blocks for a time gets an error", async () => {
    const blocked = await open();
    // Opens its lane.
    expect(await blocked.call("BLPOP", "queue", "0.01")).toBe("*-1\r\n");
    signal("SIGSTOP");
    blocked.send(["BLPOP", "queue", "0.3"], ["PING"]);
    expect(await blocked.take(2)).toEqual([lost, "+PONG\r\n"]);
  });

  test("one that blocks for ever gets its error when others do, and the next one waits at the host that is there", async () => {
    const [blocked, other] = [await open(), await open()];
    // Leaves a lane behind that nobody uses.
    expect(await other.call("BLPOP", "queue", "0.01")).toBe("*-1\r\n");
    blocked.send(["BLPOP", "queue", "0"]);
    await untilBlocked(1);
    signal("SIGSTOP");
    expect(await other.call("EXISTS", "queue")).toEqual(lost);
    expect(await blocked.take(1)).toEqual([lost]);
    signal("SIGCONT");
    await eventually(async () => expect(await other.call("EXISTS", "queue")).toBe(":0\r\n"));
    blocked.send(["BLPOP", "queue", "0"]);
    await untilBlocked(1);
    await other.call("RPUSH", "queue", "element");
    expect(await blocked.take(1)).toEqual([expect.stringContaining("element")]);
  });

  test("a large value on its way up gets an error, and its rest is passed over", async () => {
    const client = await open();
    const parts = 64;
    client.write(`*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$${parts * MEGABYTE}\r\n`);
    client.write(Buffer.alloc(MEGABYTE, "x"));
    await eventually(async () => {
      const list = await (await adminClient()).call("CLIENT", "LIST");
      expect(list).toMatch(/ tot-mem=[1-9]\d{6}/);
    });
    signal("SIGSTOP");
    for (let part = 1; part < parts; part++) client.write(Buffer.alloc(MEGABYTE, "x"));
    client.write("\r\n*1\r\n$4\r\nPING\r\n");
    expect(await client.take(2)).toEqual([lost, "+PONG\r\n"]);
  });

  async function adminClient(): Promise<RawClient> {
    const client = await RawClient.connect(fabric.regions[0]!.server.url);
    clients.push(client);
    return client;
  }
});
