import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import type { StampedCommand } from "../../shim/replication/envelope";
import { normalise } from "../../shim/replication/normalisation";
import { PURGE, Purger } from "../../shim/replication/purge";
import type { CallerRole } from "../../shim/replication/recordScript";
import { Replayer } from "../../shim/replication/replayer";
import { ConnectedServer } from "../support/connectedServer";
import { eventually } from "../support/eventually";
import { describeWithServer } from "../support/servers";

const horizonMs = 600_000;

type Caller = readonly [origin: number, role: CallerRole];

const callers: [by: string, callers: readonly [Caller, Caller]][] = [
  [
    "two shims",
    [
      [1, "home"],
      [2, "home"],
    ],
  ],
  [
    "a shim over two connections",
    [
      [1, "home"],
      [1, "inbound"],
    ],
  ],
];

describeWithServer.each(callers)("a failover to a replica that was behind, seen by %s", (_, callers) => {
  let servers: [ConnectedServer, ConnectedServer];
  let primary: Redis;
  let replica: Redis;
  let replayers: [Replayer, Replayer];
  let startMs: number;

  beforeAll(async () => {
    servers = [await ConnectedServer.start(), await ConnectedServer.start()];
    [primary, replica] = servers.map((server) => server.connect()) as [Redis, Redis];
    for (const client of [primary, replica]) await client.config("SET", "repl-diskless-sync-delay", "0");
  });

  afterAll(() => Promise.all(servers.map((server) => server.close())));

  beforeEach(async () => {
    await primary.flushall();
    startMs = Date.now();
    const newReplayer = ([origin, role]: Caller) =>
      new Replayer(primary, horizonMs, { ms: startMs - 1, counter: 0, origin }, { role });
    replayers = [newReplayer(callers[0]), newReplayer(callers[1])];
  });

  function command(at: number, line: string): StampedCommand {
    const args = line.split(" ").map((word) => Buffer.from(word));
    const stamp = { ms: startMs + at, counter: 0, origin: 1 };
    return { stamp, args: String(args[0]) === PURGE ? args : normalise(String(args[0]), args, stamp) };
  }

  /** One call each; for each command the reasons for doubt, or what else became of it. */
  async function replay(replayer: Replayer, ...commands: readonly StampedCommand[]): Promise<unknown[]> {
    const outcomes: unknown[] = [];
    for (const each of commands) {
      const { applied, doubts } = await replayer.apply([each]);
      outcomes.push(...(applied > 0 ? ["applied"] : []), ...doubts.keys());
    }
    return outcomes;
  }

  /** Makes one server the other's copy. */
  async function copy(to: Redis, from: ConnectedServer): Promise<void> {
    const { hostname, port, password } = new URL(from.url);
    await to.config("SET", "masterauth", password);
    await to.replicaof(hostname, Number(port));
    await eventually(async () => expect(await to.info("replication")).toContain("master_link_status:up"));
    await to.replicaof("NO", "ONE");
  }

  /** The primary's address leads to the replica, which lacks what has happened `meanwhile`. */
  async function failOver(meanwhile: () => Promise<unknown>): Promise<void> {
    await copy(replica, servers[0]);
    await meanwhile();
    await copy(primary, servers[1]);
  }

  it("is noticed where only commands with lower stamps are lost, and other shims have gone on since", async () => {
    await replay(replayers[0], command(1, "SET n 10"), command(2, "INCR n"), command(9, "SET other v"));
    await replay(replayers[1], command(3, "INCR n"));
    await failOver(() => replay(replayers[0], command(4, "INCR n"), command(5, "INCR n")));
    expect(await primary.get("n")).toBe("12");
    expect(await replay(replayers[1], ...[6, 7, 8].map((at) => command(at, "INCR m")))).toEqual(
      Array(3).fill("applied"),
    );
    expect(await replay(replayers[0], command(8, "INCR n"))).toEqual(["lost"]);
    expect(await replay(replayers[1], command(10, "INCR n"), command(11, "SET n 20"), command(12, "INCR n"))).toEqual([
      "held",
      "applied",
      "applied",
    ]);
    expect(await primary.mget("n", "other")).toEqual(["21", "v"]);
  });

  it("is noticed where only a FLUSHALL or a purge is lost", async () => {
    const [flushing, purging] = replayers;
    const purger = new Purger({ cluster: primary, replayer: purging, purged: () => {} });
    await replay(flushing, command(9, "SET other v"));
    await replay(purging, command(8, "SET another v"));
    await failOver(() => replay(flushing, command(5, "FLUSHALL")));
    expect(await replay(flushing, command(3, "SET user:1 v"))).toEqual(["lost"]);
    await replay(purging, command(20, "SET other v"));
    await failOver(() => purger.run(command(16, `${PURGE} user:*`)));
    expect(await replay(purging, command(15, "SET user:1 v"))).toEqual(["lost"]);
  });
});
