// When database 1 answers OK, and what is lost when a shim dies: once in its memory by default, once SNS has it on demand.
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Fabric, LaunchShim, Region } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";
const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
const published = { FLY_REDIS_OUTBOX_MODE: "published" };
const regions = ["us-east-1", "eu-west-1"];

function launchWith(launch: LaunchShim, variables: Readonly<Record<string, string>>): LaunchShim {
  return (environment) => launch({ ...environment, ...variables });
}

describeWithServer("a shim that answers OK once SNS has the command", () => {
  let fabric: Fabric;
  let here: Region;
  let there: Region;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    fabric = await startFabric({
      regions,
      launch: launchWith(launchInProcess, { ...published, FLY_REDIS_PUBLISH_TIMEOUT_MS: "1000" }),
    });
    [here, there] = fabric.regions as [Region, Region];
  });
  afterAll(() => fabric?.stop());
  afterEach(() => {
    fabric.emulator.heal();
    for (const client of clients.splice(0)) client.close();
  });

  async function open(region = here, database: 0 | 1 = 0): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region));
    if (database === 1) expect(await client.call("SELECT", "1")).toBe(OK);
    clients.push(client);
    return client;
  }

  /** Resolves once the bus refuses the region's commands, of which so many wait. */
  async function waiting(count: number): Promise<void> {
    const client = await open();
    await eventually(async () => expect(await client.call("INFO", "fly")).toContain(`outbox_commands:${count}\r\n`));
  }

  test("answers everything in order, whatever a pipeline mixes", async () => {
    const client = await open();
    const rounds = 10;
    client.send(
      ...Array.from({ length: rounds }, (_, round) => [
        ["SELECT", "1"],
        ["SET", "mixed", `value ${round}`],
        ["PING", `${round}`],
        ["GET", "mixed"],
        ["INCR", "mixed"],
        ["NOSUCH"],
        ["SET", "mixed", `later ${round}`],
        ["SELECT", "0"],
        ["GET", "mixed"],
        ["EVAL", "x", "0"],
      ]).flat(),
    );
    expect(await client.take(10 * rounds)).toEqual(
      Array.from({ length: rounds }, (_, round) => [
        OK,
        OK,
        bulk(`${round}`),
        OK,
        OK,
        expect.stringContaining("unknown command 'NOSUCH'"),
        OK,
        OK,
        bulk(`later ${round}`),
        expect.stringContaining("unknown command 'EVAL'"),
      ]).flat(),
    );
  });

  test("takes what a client sends meanwhile, answers when SNS is back, and holds up nobody else", async () => {
    const [client, other] = [await open(here, 1), await open()];
    fabric.emulator.cut(here.name);
    client.send(["SET", "held:a", "1"], ["PING"], ["SET", "held:b", "2"], ["SELECT", "0"], ["GET", "held:b"]);
    const replies = client.take(5);
    let answered = false;
    void replies.then(() => {
      answered = true;
    });
    await waiting(2);
    expect(await other.call("MGET", "held:a", "held:b")).toBe(`*2\r\n${bulk("1")}${bulk("2")}`);
    expect(answered).toBe(false);
    fabric.emulator.heal();
    expect(await replies).toEqual([OK, "+PONG\r\n", OK, OK, bulk("2")]);
  });

  test("says that it cannot tell when SNS stays away, refuses more at once, and recovers by itself", async () => {
    const client = await open(here, 1);
    fabric.emulator.cut(here.name);
    client.send(["SET", "doubt:a", "1"], ["SET", "doubt:b", "2"], ["PING"]);
    const doubt = "-ERR SNS has not confirmed the command within 1000 ms, it may or may not be replayed\r\n";
    expect(await client.take(3)).toEqual([doubt, doubt, "+PONG\r\n"]);
    expect(await client.call("SET", "refused", "3")).toBe(
      "-BUSY SNS has confirmed nothing for 1000 ms, try again later\r\n",
    );
    fabric.emulator.heal();
    await eventually(async () => expect(await client.call("SET", "again", "4")).toBe(OK));
    const reader = await open(there);
    await eventually(async () =>
      expect(await reader.call("MGET", "doubt:a", "doubt:b", "refused", "again")).toBe(
        `*4\r\n${bulk("1")}${bulk("2")}$-1\r\n${bulk("4")}`,
      ),
    );
  });

  test("answers a client that has sent all it will, and forgets one that has gone", async () => {
    const [half, gone] = [await open(here, 1), await open(here, 1)];
    fabric.emulator.cut(here.name);
    half.send(["SET", "half", "1"]);
    half.socket.end();
    gone.send(["SET", "gone", "2"]);
    await waiting(2);
    gone.close();
    fabric.emulator.heal();
    expect(await half.take(1)).toEqual([OK]);
    await half.closed;
    const reader = await open(there);
    await eventually(async () =>
      expect(await reader.call("MGET", "half", "gone")).toBe(`*2\r\n${bulk("1")}${bulk("2")}`),
    );
  });
});

describeWithServer("a shim process that is killed in the middle of a load", () => {
  /** Runs a load against a shim process of the first region. */
  async function run(variables: Readonly<Record<string, string>>, load: (fabric: Fabric) => Promise<void>) {
    const fabric = await startFabric({ regions, launch: launchWith(launchShimProcess, variables) });
    try {
      await load(fabric);
    } finally {
      await fabric.stop();
    }
  }

  /** Writes without a pause until the connection breaks. @returns how many were answered OK */
  async function writeUntilKilled(client: RawClient, name: string, onOk: (count: number) => void): Promise<number> {
    let count = 0;
    for (let sent = 0; ; ) {
      client.send(...Array.from({ length: 50 }, () => ["SET", `${name}:${sent++}`, "x"]));
      const replies = await client.take(50);
      expect(new Set(replies)).toEqual(new Set(replies.length > 0 ? [OK] : []));
      count += replies.length;
      if (replies.length < 50) return count;
      onOk(count);
    }
  }

  async function missing(fabric: Fabric, region: Region, name: string, count: number): Promise<number> {
    const reader = await RawClient.connect(fabric.url(region));
    const found = await reader.call("EXISTS", ...Array.from({ length: count }, (_, index) => `${name}:${index}`));
    reader.close();
    return count - Number(found.slice(1));
  }

  test("has lost nothing that it answered OK, in the mode published", async () => {
    await run(published, async (fabric) => {
      const [here, there] = fabric.regions as [Region, Region];
      const [shim] = here.shims;
      const names = ["a", "b", "c", "d"];
      const counts = await Promise.all(
        names.map(async (name, index) => {
          const client = await RawClient.connect(fabric.url(here));
          await client.call("SELECT", "1");
          return writeUntilKilled(client, name, (count) => {
            if (index === 0 && count >= 500) process.kill(shim!.pid, "SIGKILL");
          });
        }),
      );
      expect(counts[0]).toBeGreaterThanOrEqual(500);
      await eventually(async () => {
        for (const [index, name] of names.entries()) {
          expect(await missing(fabric, there, name, counts[index] ?? 0)).toBe(0);
        }
      });
    });
  });

  test("has lost what SNS had not got yet, and nothing else, in the mode memory", async () => {
    await run({}, async (fabric) => {
      const [here, there] = fabric.regions as [Region, Region];
      const client = await RawClient.connect(fabric.url(here));
      await client.call("SELECT", "1");
      client.send(...Array.from({ length: 500 }, (_, index) => ["SET", `sent:${index}`, "x"]));
      await client.take(500);
      await eventually(async () => expect(await client.call("INFO", "fly")).toContain("outbox_commands:0\r\n"));
      fabric.emulator.cut(here.name);
      client.send(...Array.from({ length: 500 }, (_, index) => ["SET", `kept:${index}`, "x"]));
      expect(new Set(await client.take(500))).toEqual(new Set([OK]));
      process.kill(here.shims[0]!.pid, "SIGKILL");
      await client.closed;
      fabric.emulator.heal();
      await eventually(async () => expect(await missing(fabric, there, "sent", 500)).toBe(0));
      expect(await missing(fabric, there, "kept", 500)).toBe(500);
    });
  });
});
