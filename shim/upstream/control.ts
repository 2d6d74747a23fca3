// The shim's own conversation with the cluster, by a driver, apart from the lanes: what commands it has, what it is,
// and how it does. Asked anew after every reconnect, since another server may answer then; and whether it is a primary
// again and again, since a failover need not close connections.
import Redis from "ioredis";
import type { Logger } from "pino";
import { type CommandReplyEntry, type CommandSpecification, specificationsFrom } from "../commands/specification";
import type { ClusterAddress } from "../configuration";
import { driverOptions } from "./address";

/** What the cluster says of itself in its HELLO. */
export interface ServerIdentity {
  /** `redis` or `valkey`. */
  readonly server: string;
  readonly version: string;
}

/** What the conversation brings. */
export interface ControlEvents {
  /** The commands that the cluster has. */
  learned(commands: readonly CommandSpecification[]): void;
  /** The server is no primary any more. */
  demoted(): void;
  /** What was asked found no answer in time. @param since milliseconds of `performance.now()` */
  silent(since: number): void;
}

export class Control {
  /** What the cluster called itself last; until it was reached, a plausible Redis. */
  identity: ServerIdentity = { server: "redis", version: "7.0.0" };

  private readonly driver: Redis;
  private readonly watch: NodeJS.Timeout;
  private primary = true;

  /**
   * @param timeoutMs silence, while something was asked, after which the connection is given up and made anew; as often
   *   the server is asked whether it is a primary
   */
  constructor(
    address: ClusterAddress,
    timeoutMs: number,
    private readonly log: Logger,
    private readonly events: ControlEvents,
  ) {
    this.driver = new Redis({
      ...driverOptions(address),
      // The one is for who asks, even while there is no connection; the other for who asks next.
      commandTimeout: timeoutMs,
      socketTimeout: timeoutMs,
    });
    this.driver.on("error", (error: Error) => {
      log.debug({ reason: error.message }, "the control connection failed");
      if (error.message.startsWith("Socket timeout")) events.silent(performance.now() - timeoutMs);
    });
    this.driver.on("ready", () => void this.learn());
    this.watch = setInterval(() => void this.lookAfter(), timeoutMs).unref();
  }

  /** Whether the cluster answers, and by a primary. */
  get ready(): boolean {
    return this.driver.status === "ready" && this.primary;
  }

  /** Connects; where the cluster cannot be reached the attempts go on in the background. */
  async start(): Promise<void> {
    await this.driver.connect().catch((error: Error) => {
      this.log.warn({ reason: error.message }, "the cluster cannot be reached yet, trying on");
    });
  }

  /**
   * The cluster's INFO.
   *
   * @throws Error when the cluster cannot be reached; at once while it is not connected
   */
  async info(sections: readonly string[]): Promise<string> {
    if (this.driver.status !== "ready") throw new Error("the cluster cannot be reached");
    return this.driver.info(...sections);
  }

  stop(): void {
    clearInterval(this.watch);
    this.driver.disconnect();
  }

  private async learn(): Promise<void> {
    try {
      await this.askRole();
      this.events.learned(specificationsFrom((await this.driver.call("COMMAND")) as CommandReplyEntry[]));
      const hello = (await this.driver.call("HELLO")) as readonly unknown[];
      const field = (name: string): string => String(hello[hello.indexOf(name) + 1]);
      this.identity = { server: field("server"), version: field("version") };
    } catch (error) {
      this.log.warn({ reason: (error as Error).message }, "could not ask the cluster for its commands");
    }
  }

  private async lookAfter(): Promise<void> {
    if (this.driver.status !== "ready") return;
    // Where there is no answer the driver makes the connection anew by itself.
    await this.askRole().catch(() => undefined);
    if (this.primary) return;
    this.events.demoted();
    // The name may lead to the new primary by now.
    this.driver.disconnect(true);
  }

  private async askRole(): Promise<void> {
    this.primary = !/^role:slave/m.test(await this.driver.info("replication"));
  }
}
