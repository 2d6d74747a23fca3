import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { pino } from "pino";
import { type BusAddresses, createBus, credentials } from "../../local/bus";
import { Emulator } from "../../local/emulator";
import { noFaults } from "../../local/wires";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import type { Replication } from "../../shim/replication/replication";
import { awsBus } from "../support/bus";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { type JoinedOptions, newReplication } from "../support/replications";
import { describeWithServer } from "../support/servers";

const regions = ["us-east-1", "eu-west-1"] as const;
type Region = (typeof regions)[number];
const set = packagedSpecifications().find(({ name }) => name === "SET") as CommandSpecification;
const envelopeKeys = [{ id: 1, key: randomBytes(32) }] as const;

/** The way to SNS and SQS, which may be closed, or take everything and pass nothing on. */
class Way {
  hangs = false;
  private readonly sockets = new Set<Socket>();
  private server: NetServer | undefined;
  private port = 0;

  constructor(private readonly target: URL) {}

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async open(): Promise<void> {
    this.server = createServer((socket) => {
      const ends = [socket];
      if (!this.hangs) {
        const onward = connect(Number(this.target.port), this.target.hostname);
        ends.push(onward);
        socket.pipe(onward).pipe(socket);
      }
      for (const end of ends) {
        this.sockets.add(end);
        end.on("error", () => {});
        end.on("close", () => {
          for (const each of ends) each.destroy();
          this.sockets.delete(end);
        });
      }
    });
    await once(this.server.listen(this.port, "127.0.0.1"), "listening");
    this.port = (this.server.address() as { port: number }).port;
  }

  /** Breaks what is under way. */
  reset(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.server!, "close");
    this.server!.close();
    this.reset();
    await closed;
  }
}

describeWithServer("a shim that cannot reach SNS, or its cluster", () => {
  let emulator: Emulator;
  let addresses: Map<string, BusAddresses>;
  let way: Way;
  let servers: Map<Region, ConnectedServer>;
  let elsewhere: Redis;
  let us: Replication;
  let open: Replication[];
  let logged: string[];
  const environment = { ...process.env };

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
    emulator = await Emulator.start({ ...noFaults, delay: 0 });
    addresses = await createBus(emulator.endpoint, regions);
    servers = new Map(
      await Promise.all(regions.map(async (region) => [region, await ConnectedServer.start()] as const)),
    );
    elsewhere = servers.get("eu-west-1")!.connect();
  });

  beforeEach(async () => {
    logged = [];
    way = new Way(new URL(emulator.endpoint));
    await way.open();
    open = [];
    us = await join("us-east-1", way.endpoint, { outboxMaxBytes: 40_000 });
    await join("eu-west-1", emulator.endpoint);
    await eventually(() => expect(us.regionFigures()).toHaveProperty("eu-west-1"));
  });

  afterEach(async () => {
    await Promise.all(open.map((replication) => replication.drain(1000)));
    await way.close();
  });

  afterAll(async () => {
    process.env = environment;
    await Promise.all([...servers.values()].map((server) => server.close()));
    await emulator.stop();
  });

  async function join(region: Region, endpoint: string, options: Partial<JoinedOptions> = {}) {
    const server = servers.get(region)!;
    const { hostname, port, password } = new URL(server.url);
    const replication = newReplication(server, {
      region,
      cluster: { host: hostname, port: Number(port), password, socketTimeout: 60_000 },
      bus: awsBus(addresses.get(region)!, endpoint),
      envelopeKeys,
      envelopeMaxBytes: 4096,
      log: pino({ level: "warn" }, { write: (line: string) => void logged.push(line) }),
      ...options,
    });
    open.push(replication);
    await replication.start();
    return replication;
  }

  function accept(key: string) {
    return us.accept(
      set,
      ["SET", key, "v".repeat(100)].map((word) => Buffer.from(word)),
    );
  }

  /** Commands on keys of their own until one is refused. @returns the keys */
  function fill(prefix: string): string[] {
    const keys: string[] = [];
    for (;;) {
      const key = `${prefix}${keys.length}`;
      const answer = accept(key);
      if (!answer.ok) {
        expect(answer.error).toMatch(/^BUSY .*try again later$/);
        return keys;
      }
      keys.push(key);
    }
  }

  /** Waits for the other region so often, in vain. @returns what that puts into the outbox */
  async function waitInVain(): Promise<number> {
    const before = us.figures().outboxCommands;
    for (let count = 0; count < 30; count += 1) {
      const sent = { first: 1, last: us.newestEnvelope };
      expect(await us.wait(sent, 1, 1, () => false)).toEqual({ regions: 0, everywhere: false });
    }
    return us.figures().outboxCommands - before;
  }

  async function expectElsewhere(keys: readonly string[]): Promise<void> {
    await eventually(async () => expect(await elsewhere.exists(...keys)).toBe(keys.length));
    await eventually(() => expect(us.figures().outboxCommands).toBe(0));
  }

  it("keeps what it accepted where SNS hangs, until it is full, and who waits adds nothing", async () => {
    way.hangs = true;
    way.reset();
    const keys = fill("hung");
    expect(us.figures().outboxCommands).toBe(keys.length);
    expect(await waitInVain()).toBe(0);
    expect(logged.join()).not.toContain("cannot publish");
    way.hangs = false;
    way.reset();
    await expectElsewhere(keys);
    expect(accept("again")).toEqual({ ok: true });
  });

  it("keeps what it accepted where SNS refuses connections, and who waits adds nothing", async () => {
    await way.close();
    expect(accept("refused")).toEqual({ ok: true });
    await eventually(() => expect(logged.join()).toContain("cannot publish"));
    expect(await waitInVain()).toBe(0);
    const keys = ["refused", ...fill("more")];
    await way.open();
    await expectElsewhere(keys);
    expect(accept("again")).toEqual({ ok: true });
  });

  it("refuses rather than fill its memory where its cluster hangs, though SNS takes everything", async () => {
    const { pid } = servers.get("us-east-1")!;
    process.kill(pid, "SIGSTOP");
    try {
      const keys: string[] = [];
      // What SNS has makes room in the outbox, but not at home.
      await eventually(() => {
        keys.push(...fill(`home${keys.length}:`));
        expect(us.figures().outboxCommands).toBe(0);
      });
      await expectElsewhere(keys);
      expect(accept("refused")).toEqual({ ok: false, error: expect.stringMatching(/^BUSY /) });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await eventually(() => expect(accept("again")).toEqual({ ok: true }));
  });

  it("stops in time where its cluster hangs with an envelope in hand", async () => {
    const { pid } = servers.get("us-east-1")!;
    const { queueUrl } = addresses.get("us-east-1")!;
    const sqs = new SQSClient({ endpoint: emulator.endpoint, region: "us-east-1", credentials });
    process.kill(pid, "SIGSTOP");
    try {
      accept("under way");
      await eventually(async () => {
        const names = ["ApproximateNumberOfMessagesNotVisible"] as const;
        const asked = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] });
        const { Attributes } = await sqs.send(asked);
        expect(Number(Attributes?.[names[0]])).toBeGreaterThan(0);
      });
      expect(await us.drain(200)).toEqual({ lost: 0 });
      open.shift();
    } finally {
      process.kill(pid, "SIGCONT");
      sqs.destroy();
    }
  });
});
