// A server of a test's own and the test's connections to it, which end together.
import { Redis, type RedisOptions } from "ioredis";
import type { ServerProgram } from "../../local/serverBinary";
import { Server } from "../../local/servers";

export class ConnectedServer {
  private readonly connections: Redis[] = [];

  private constructor(private readonly server: Server) {}

  /** @param program @default the one of this machine */
  static async start(program?: ServerProgram): Promise<ConnectedServer> {
    return new ConnectedServer(await Server.start(program));
  }

  get url(): string {
    return this.server.url;
  }

  get pid(): number {
    return this.server.pid;
  }

  /** A connection to database 0, unless the options say otherwise. */
  connect(options: Omit<RedisOptions, "replyMapping"> = {}): Redis {
    // The timer of a disconnection would keep the tests' process alive.
    const connection = new Redis(this.url, { disconnectTimeout: 10, ...options });
    this.connections.push(connection);
    return connection;
  }

  /** Stops the server; connections go on trying. */
  async stop(): Promise<void> {
    await this.server.stop();
  }

  /** Starts it again, empty; connections find it by themselves. */
  async restart(): Promise<void> {
    await this.server.restart();
  }

  /** Ends the connections and the server. */
  async close(): Promise<void> {
    for (const connection of this.connections) connection.disconnect();
    await this.server.stop();
  }
}
