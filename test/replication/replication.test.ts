import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, afterEach, beforeAll, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import { EnvelopeCodec, type EnvelopeKey } from "../../shim/replication/envelope";
import type { Replication } from "../../shim/replication/replication";
import { awsBus } from "../support/bus";
import { ConnectedServer } from "../support/connectedServer";
import { type JoinedOptions, newReplication } from "../support/replications";
import { segmentOf } from "../support/segments";
import { describeWithServer } from "../support/servers";

const commands = new Map(packagedSpecifications().map((command) => [command.name, command]));
const regions = ["us-east-1", "eu-west-1", "ap-northeast-1"] as const;
type Region = (typeof regions)[number];
const envelopeKeys: readonly [EnvelopeKey] = [{ id: 1, key: randomBytes(32) }];

function send(replication: Replication, line: string | readonly (string | Buffer)[]) {
  const args = (typeof line === "string" ? line.split(" ") : line).map((word) => Buffer.from(word));
  const name = String(args[0]).toUpperCase();
  return replication.accept(commands.get(name) as CommandSpecification, args);
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (const deadline = performance.now() + 15_000; ; await sleep(5)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

function settled(replication: Replication): Promise<void> {
  return new Promise((resolve) => replication.onHome(replication.acceptedSequence, replication.slowSequence, resolve));
}

describeWithServer("replication between three regions", () => {
  const servers = new Map<Region, ConnectedServer>();
  const clients = new Map<Region, Redis>();
  let emulator: Emulator;
  let addresses: Map<string, BusAddresses>;
  let open: Replication[] = [];
  const environment = { ...process.env };

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0, duplicate: 0.5, reorder: 0.2 });
    addresses = await createBus(emulator.endpoint, regions);
    for (const region of regions) {
      const server = await ConnectedServer.start();
      servers.set(region, server);
      const client = server.connect();
      client.on("error", () => {});
      clients.set(region, client);
    }
  });

  afterEach(async () => {
    emulator.heal();
    await Promise.all(open.map((replication) => replication.drain(5000)));
    open = [];
  });

  afterAll(async () => {
    process.env = environment;
    await Promise.all([...servers.values()].map((server) => server.close()));
    await emulator.stop();
  });

  async function join(region: Region, options: Partial<JoinedOptions> = {}): Promise<Replication> {
    const bus = addresses.get(region)!;
    const replication = newReplication(servers.get(region)!, {
      region,
      bus: awsBus(bus, emulator.endpoint),
      envelopeKeys,
      publishIntervalMs: 20,
      outboxMaxBytes: 1 << 20,
      largeCommandMaxBytes: 8 << 20,
      canaryIntervalMs: 100,
      ...options,
    });
    open.push(replication);
    await replication.start();
    return replication;
  }

  function everywhere(check: (client: Redis) => Promise<void>): Promise<void> {
    return eventually(async () => {
      for (const client of clients.values()) await check(client);
    });
  }

  it("pushes to all regions, and purges everywhere", async () => {
    const [us, eu] = await Promise.all(regions.map((region) => join(region)));
    expect(send(us!, ["SET", Buffer.from([0, 200]), Buffer.from([255, 13, 10])])).toEqual({ ok: true });
    send(us!, "MSET a 1 b 2");
    await everywhere(async (client) => {
      expect(await client.getBuffer(Buffer.from([0, 200]))).toEqual(Buffer.from([255, 13, 10]));
      expect(await client.mget("a", "b")).toEqual(["1", "2"]);
    });
    send(eu!, "DEL a");
    await everywhere(async (client) => expect(await client.mget("a", "b")).toEqual([null, "2"]));
    send(eu!, "FLUSHALL");
    await everywhere(async (client) => expect(await client.dbsize()).toBe(0));
  });

  it("replays at home first, and says when", async () => {
    const us = await join("us-east-1");
    for (let index = 1; index <= 500; index += 1) send(us, `SET home ${index}`);
    expect(us.acceptedSequence).toBe(500);
    await settled(us);
    expect(us.isAtHome(500, 0)).toBe(true);
    expect(await clients.get("us-east-1")!.get("home")).toBe("500");
    let called = false;
    us.onHome(500, 0, () => {
      called = true;
    });
    expect(called).toBe(true);
  });

  it("ends the same everywhere with two shims a region, all writing the same keys, and restarts in between", async () => {
    const shims = await Promise.all([...regions, ...regions].map((region) => join(region)));
    for (let round = 0; round < 40; round += 1) {
      for (const [index, shim] of shims.entries()) {
        send(shim, round % 7 === index ? `DEL key${round % 5}` : `SET key${round % 5} ${index}:${round}`);
      }
      if (round === 20) {
        await shims[0]!.drain(5000);
        open = open.filter((each) => each !== shims[0]);
        shims[0] = await join("us-east-1");
      }
      await settled(shims[1]!);
    }
    for (const shim of shims) send(shim, `SET done-${shim.figures().origin} 1`);
    const done = shims.map((shim) => `done-${shim.figures().origin}`);
    await everywhere(async (client) => expect(await client.exists(...done)).toBe(done.length));
    // Repetitions and the reordered may still be on their way: they must change nothing, and meanwhile may be missing.
    const keys = Array.from({ length: 5 }, (_, index) => `key${index}`);
    await eventually(async () => {
      const [first, ...others] = await Promise.all([...clients.values()].map((client) => client.mget(keys)));
      for (const other of others) expect(other).toEqual(first);
    });
  });

  it("loses nothing while the bus is down, and refuses rather than drop", async () => {
    const [us] = await Promise.all([
      join("us-east-1", { outboxMaxBytes: 50_000 }),
      join("eu-west-1"),
      join("ap-northeast-1"),
    ]);
    emulator.cut("us-east-1");
    let count = 0;
    let answer = send(us!, `SET kept${count} v`);
    for (; answer.ok; answer = send(us!, `SET kept${count} v`)) count += 1;
    expect(answer).toEqual({ ok: false, error: expect.stringMatching(/^BUSY .*try again later/) });
    expect(us!.figures()).toMatchObject({ outboxCommands: count });
    await settled(us!);
    expect(await clients.get("us-east-1")!.exists("kept0")).toBe(1);
    emulator.heal();
    const keys = Array.from({ length: count }, (_, index) => `kept${index}`);
    await everywhere(async (client) => expect(await client.exists(...keys)).toBe(count));
    await eventually(async () => expect(us!.figures()).toMatchObject({ outboxCommands: 0, outboxBytes: 0 }));
    expect(send(us!, "SET again v")).toEqual({ ok: true });
  });

  it("makes room in a full outbox by coalescing overwrites of the same key", async () => {
    const [us] = await Promise.all([join("us-east-1", { outboxMaxBytes: 200_000 }), join("eu-west-1")]);
    emulator.cut("us-east-1");
    for (let count = 0; count < 2000; count += 1) {
      expect(send(us!, `SET coalesced${count % 3} ${count}`)).toEqual({ ok: true });
      if (count % 50 === 0) await settled(us!);
    }
    emulator.heal();
    const keys = ["coalesced0", "coalesced1", "coalesced2"];
    await eventually(async () => expect(await clients.get("eu-west-1")!.mget(keys)).toEqual(["1998", "1999", "1997"]));
  });

  it("sets keys of some patterns at home, and deletes them in the other regions", async () => {
    const invalidate = ["page:*", "user:[0-9]"];
    const [us, eu] = await Promise.all(regions.map((region) => join(region, { invalidate })));
    const [home, elsewhere] = [clients.get("us-east-1")!, clients.get("eu-west-1")!];
    await Promise.all(
      [...clients.values()].map((client) => client.mset("page:a", "old", "page:b", "old", "user:1", "old")),
    );
    send(us!, "SET page:a 1 EX 100");
    send(us!, "MSET copied 1 page:b 2 user:1 3 user:x 4 page:b 5");
    send(us!, "INCR page:c");
    send(us!, "SET last v");
    await everywhere(async (client) =>
      expect(await client.mget("copied", "user:x", "page:c")).toEqual(["1", "4", "1"]),
    );
    await everywhere(async (client) => expect(await client.get("last")).toBe("v"));
    const keys = ["page:a", "page:b", "user:1"];
    await eventually(async () => expect(await elsewhere.exists(...keys)).toBe(0));
    // The home region's own copies, all of which come twice, are known there.
    await eventually(async () => expect(us!.figures().stale).toBeGreaterThanOrEqual(7));
    expect(await home.mget(...keys)).toEqual(["1", "5", "3"]);
    send(eu!, "SET page:a 2");
    await eventually(async () => expect(await home.exists("page:a")).toBe(0));
    expect(await elsewhere.get("page:a")).toBe("2");
  });

  it("skips messages that it does not know, counts them, and replays the rest of their envelope", async () => {
    const registry = new Registry();
    await join("eu-west-1", { registry });
    const sns = new SNSClient({ endpoint: emulator.endpoint, region: "us-east-1", credentials });
    const commands = ["FLY.NEWER k v", "SET beside v"].map((line, counter) => ({
      stamp: { ms: Date.now(), counter, origin: 1 },
      args: line.split(" ").map((word) => Buffer.from(word)),
    }));
    const Message = new EnvelopeCodec(envelopeKeys).seal("us-east-1", segmentOf(1, commands));
    await sns.send(new PublishCommand({ TopicArn: addresses.get("us-east-1")!.topicArn, Message }));
    await eventually(async () => expect(await clients.get("eu-west-1")!.get("beside")).toBe("v"));
    // It is handled after the commands beside it.
    await eventually(async () => expect(await registry.metrics()).toMatch(/redis_on_fly_skipped_messages_total [1-9]/));
    sns.destroy();
  });

  it("drains: publishes what is in the outbox, and says what it could not", async () => {
    const [us, eu] = await Promise.all([join("us-east-1", { outboxMaxBytes: 1 << 24 }), join("eu-west-1")]);
    for (let index = 0; index < 3000; index += 1) send(us!, ["SET", `drained${index}`, randomBytes(100)]);
    expect(await us!.drain(5000)).toEqual({ lost: 0 });
    await eventually(async () => expect(await clients.get("eu-west-1")!.exists("drained0", "drained2999")).toBe(2));
    emulator.cut("eu-west-1");
    send(eu!, "SET never v");
    send(eu!, "SET sent v");
    expect(await eu!.drain(50)).toEqual({ lost: 2 });
    open = [];
  });

  it("starts while the cluster is down, receives nothing until it is there, and catches up after a restart", async () => {
    const us = await join("us-east-1");
    await servers.get("eu-west-1")!.stop();
    const eu = await join("eu-west-1");
    expect(send(eu, "SET early v")).toEqual({ ok: true });
    await settled(eu);
    send(us, "SET meanwhile v");
    await settled(us);
    expect(eu.figures().applied).toBe(0);
    await servers.get("eu-west-1")!.restart();
    await eventually(async () => {
      expect(await clients.get("eu-west-1")!.exists("early", "meanwhile")).toBe(2);
      expect(Object.keys(eu.figures().regions)).toEqual(expect.arrayContaining(["eu-west-1", "us-east-1"]));
    });
  });

  it("does not hang when the cluster does: home replays settle, and come again over the bus", async () => {
    const url = new URL(servers.get("us-east-1")!.url);
    const cluster = { host: url.hostname, port: Number(url.port), password: url.password, socketTimeout: 100 };
    const us = await join("us-east-1", { cluster });
    process.kill(servers.get("us-east-1")!.pid, "SIGSTOP");
    send(us, "SET frozen v");
    await settled(us);
    process.kill(servers.get("us-east-1")!.pid, "SIGCONT");
    await eventually(async () => {
      expect(await clients.get("us-east-1")!.get("frozen")).toBe("v");
      expect(us.figures().outboxCommands).toBe(0);
    });
  });

  it("answers an error where a command cannot be replayed", async () => {
    const us = await join("us-east-1", { envelopeMaxBytes: 8192 });
    const errors = [
      send(us, "SET k v EX abc"),
      send(us, "SETEX k 0 v"),
      send(us, ["SINTERSTORE", "k", ...Array.from({ length: 700 }, (_, index) => `source${index}`)]),
      send(us, "RPUSH k v"),
      send(us, "EVALSHA abc 0"),
    ];
    expect(errors.map((answer) => (answer.ok ? "OK" : answer.error))).toEqual([
      "ERR value is not an integer or out of range",
      "ERR invalid expire time in 'setex' command",
      "ERR command is too large for database 1 (at most 7000 arguments, and 6099 bytes in small ones), split it",
      "OK",
      "ERR 'EVALSHA' cannot be replayed, send it on database 0",
    ]);
    expect(us.acceptedSequence).toBe(1);
  });
});
