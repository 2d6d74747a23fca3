import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Network } from "../../chaos/network";
import { Random } from "../../chaos/random";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import { EnvelopeCodec } from "../../shim/replication/envelope";
import { EnvelopeLog } from "../../shim/replication/envelopeLog";
import { ASK, RECEIPT, Receipts } from "../../shim/replication/receipts";
import { Clock, type Stamp } from "../../shim/replication/stamp";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { newReplication } from "../support/replications";
import { describeWithServer } from "../support/servers";

const asker = { region: "us-east-1", origin: 2 };

describeWithServer("receipts", () => {
  let server: ConnectedServer;
  let cluster: Redis;
  let clock: Clock;
  let receipts: Receipts;
  /** Whether the bus takes messages. */
  let open: boolean;
  let refused: number;
  let sent: string[][];

  beforeAll(async () => {
    server = await ConnectedServer.start();
    cluster = server.connect();
  });
  afterAll(async () => {
    receipts.stop();
    await server.close();
  });
  beforeEach(async () => {
    receipts?.stop();
    await cluster.flushall();
    [open, refused, sent, clock] = [true, 0, [], new Clock(1)];
    receipts = new Receipts({
      region: "eu-west-1",
      cluster,
      clock,
      horizonMs: 600_000,
      capacity: 1 << 16,
      others: () => [asker.region],
      send: (...message) => {
        if (!open) {
          refused += 1;
          return undefined;
        }
        sent.push(message.map(String));
        return clock.next();
      },
    });
  });

  /** Another region's question about an envelope that begins with a stamp. */
  function ask(about: Stamp): Promise<void> {
    const log = new EnvelopeLog(64);
    log.begin(about);
    const args = [ASK, "", String(clock.nowMs() + 60_000), log.range({ first: 1, last: 1 }, 0)];
    return receipts.asked(
      { stamp: { ...clock.next(), origin: asker.origin }, args: args.map((arg) => Buffer.from(arg as string)) },
      asker,
    );
  }

  function replayed(first: Stamp): Promise<void> {
    return receipts.replayed(asker.region, first);
  }

  it("asks nobody while the bus takes nothing, and asks once it does", async () => {
    receipts.log.begin(clock.next());
    open = false;
    expect(await receipts.wait({ first: 1, last: 1 }, 1, 30, () => false)).toEqual({ regions: 0, everywhere: false });
    expect(sent).toEqual([]);
    const waiting = receipts.wait({ first: 1, last: 1 }, 1, 9000, () => false);
    open = true;
    await eventually(() => expect(sent.map(([name]) => name)).toEqual([ASK]));
    receipts.stop();
    expect(await waiting).toEqual({ regions: 0, everywhere: false });
  });

  it("answers once the bus takes the answer", async () => {
    const stamp = { ...clock.next(), origin: asker.origin };
    open = false;
    await replayed(stamp);
    await ask(stamp);
    await eventually(() => expect(refused).toBeGreaterThan(0));
    open = true;
    await eventually(() => expect(sent).toEqual([[RECEIPT, expect.any(String), asker.region]]));
  });

  it("looks for so many answers at a time, and passes over more questions until they are asked again", async () => {
    const missing = { ...clock.next(), origin: asker.origin };
    for (let count = 0; count < 256; count += 1) await ask(missing);
    const known = { ...clock.next(), origin: asker.origin };
    await replayed(known);
    await ask(known);
    await replayed(missing);
    await eventually(() => expect(sent).toHaveLength(256));
    await ask(known);
    await eventually(() => expect(sent).toHaveLength(257));
  });
});

describeWithServer("the bus between two regions", () => {
  it("carries questions and answers only where somebody waits", async () => {
    const names = ["us-east-1", "eu-west-1"] as const;
    const faults = { duplicate: 0.2, reorder: 0.2, drop: 0, lostAcknowledgement: 0, lose: 0 };
    const network = new Network(names, faults, new Random(1));
    const envelopeKeys = [{ id: 1, key: randomBytes(32) }] as const;
    const servers = await Promise.all(names.map(() => ConnectedServer.start()));
    const ends = names.map((name) => network.end(name));
    const shims = names.map((region, index) =>
      newReplication(servers[index]!, { region, bus: ends[index]!, envelopeKeys }),
    );
    const client = servers[1]!.connect();
    const messages = () => {
      const opened = ends
        .flatMap(({ published }) => published)
        .map((text) => new EnvelopeCodec(envelopeKeys).open(text));
      return new Set(opened.flatMap(({ commands }) => [...commands]).map(({ args }) => String(args[0])));
    };
    try {
      await Promise.all(shims.map((shim) => shim.start()));
      await eventually(() => expect(Object.keys(shims[0]!.regionFigures())).toHaveLength(2));
      const set = packagedSpecifications().find(({ name }) => name === "SET") as CommandSpecification;
      for (let count = 0; count < 100; count += 1) {
        shims[0]!.accept(
          set,
          ["SET", `k${count}`, "v"].map((word) => Buffer.from(word)),
        );
        if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await eventually(async () => expect(await client.dbsize()).toBe(100));
      // Nothing that another region should have had since.
      expect(await shims[0]!.wait(undefined, 1, 1000, () => false)).toEqual({ regions: 1, everywhere: true });
      expect([...messages()].sort()).toEqual(["ECHO", "SET"]);
      const sent = { first: 1, last: shims[0]!.newestEnvelope };
      expect(await shims[0]!.wait(sent, 1, 9000, () => false)).toEqual({ regions: 1, everywhere: true });
      expect([...messages()].sort()).toEqual(["ECHO", ASK, RECEIPT, "SET"]);
    } finally {
      await Promise.all(shims.map((shim) => shim.drain(1000)));
      await Promise.all(servers.map((server) => server.close()));
    }
  });
});
