// A replica of a server on the same port of another address of loopback, so that one name can lead to either, as the name
// of a cluster does before and after a failover.
import { test } from "@jest/globals";
import Redis from "ioredis-6";
import type { ServerProgram } from "../../local/serverBinary";
import { Server } from "../../local/servers";
import { eventually } from "./eventually";

const PRIMARY = "127.0.0.1";
const REPLICA = "127.0.0.2";

/** `test` where there is a second address of loopback without being told: on Linux; else a skipped `test`. */
export const testWithReplica = process.platform === "linux" ? test : test.skip;

export class Replica {
  /** Where the name leads. */
  address = PRIMARY;

  private constructor(
    private readonly primary: Server,
    private readonly server: Server,
    /** Connections to the two, from before the failover. */
    readonly drivers: readonly [primary: Redis, replica: Redis],
  ) {}

  /** Starts a replica, of the same program, and waits until it has what the primary has. */
  static async of(primary: Server, program: ServerProgram | undefined): Promise<Replica> {
    const server = await Server.start(program);
    // The timer of a disconnection would keep the tests' process alive.
    const options = { protocol: 2, disconnectTimeout: 10, retryStrategy: () => null } as const;
    const drivers = [primary, server].map(({ url }) => new Redis(url, options));
    const replica = new Replica(primary, server, drivers as [Redis, Redis]);
    const [first, second] = replica.drivers;
    const { password } = new URL(primary.url);
    await first.config("SET", "repl-diskless-sync-delay", "0");
    for (const driver of drivers) await driver.config("SET", "masterauth", password);
    await second.config("SET", "requirepass", password);
    await second.config("SET", "bind", REPLICA);
    await second.config("SET", "port", String(primary.port));
    await second.call("REPLICAOF", PRIMARY, String(primary.port));
    await eventually(async () => {
      if (!(await second.info("replication")).includes("master_link_status:up")) throw new Error("it has no link yet");
    });
    return replica;
  }

  /** Makes it the primary, to which the name leads from now on; the old one becomes its replica, or dies. */
  async promote(fate: "becomes a replica" | "dies"): Promise<void> {
    const [first, second] = this.drivers;
    await second.call("REPLICAOF", "NO", "ONE");
    this.address = REPLICA;
    if (fate === "dies") await this.primary.stop("SIGKILL");
    else await first.call("REPLICAOF", REPLICA, String(this.primary.port));
  }

  /** Stops it, not the primary. */
  async stop(): Promise<void> {
    for (const driver of this.drivers) driver.disconnect();
    await this.server.stop();
  }
}
