// The port that clients connect to, and the sessions that are open.
import { createServer, type Server } from "node:net";
import { listen, portOf } from "../operations/operationsServer";
import type { SessionServices } from "./services";
import { Session } from "./session";

/** Below the load balancer's idle timeout, so that connections which only wait stay open. */
const KEEP_ALIVE_MS = 60_000;

export class Listener {
  private readonly sessions = new Set<Session>();
  private readonly server: Server;
  private whenEmpty: (() => void) | undefined;

  constructor(services: SessionServices) {
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.server = createServer(options, (socket) => {
      const session = new Session(++services.counters.connections, socket, services);
      this.sessions.add(session);
      socket.once("close", () => {
        this.sessions.delete(session);
        if (this.sessions.size === 0) this.whenEmpty?.();
      });
    });
  }

  /** Sessions open. */
  get size(): number {
    return this.sessions.size;
  }

  get port(): number {
    return portOf(this.server);
  }

  /** @throws Error where the address or port cannot be taken */
  async listen(host: string, port: number): Promise<void> {
    await listen(this.server, host, port);
  }

  /**
   * Accepts no more clients and lets those connected finish what they have begun.
   *
   * @returns how many had to be cut off after `deadlineMs`
   */
  async drain(deadlineMs: number): Promise<number> {
    this.server.close();
    for (const session of this.sessions) session.finish();
    if (this.sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.whenEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const left = this.sessions.size;
    for (const session of this.sessions) session.destroy();
    return left;
  }
}
