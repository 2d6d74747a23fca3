// Real Redis or Valkey servers on loopback: memory only, evicting, with a password, on a free port; gone when we are.
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { Redis } from "ioredis";
import { Program } from "./program";
import { findServer, type ServerProgram } from "./serverBinary";

const ATTEMPTS = 5;

/** A running server. */
export class Server {
  private constructor(
    private readonly server: ServerProgram,
    private program: Program,
    readonly port: number,
    private readonly password: string,
  ) {}

  /**
   * @param server @default the one of this machine
   * @throws Error where there is no server program, or where it does not start; with its last words.
   */
  static async start(server = findServer()): Promise<Server> {
    if (!server)
      throw new Error("There is no redis-server or valkey-server: install one, or set REDIS_SERVER to its path.");
    const password = randomBytes(18).toString("base64url");
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      try {
        return new Server(server, await launch(server, port, password), port, password);
      } catch (error) {
        // Another process may take a port between our looking and the server's listening.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** `redis://default:password@127.0.0.1:port`, which redis-cli takes too */
  get url(): string {
    return urlOf(this.port, this.password);
  }

  get pid(): number {
    return this.program.pid;
  }

  /** Settles when the process that runs now is gone, with words for how it ended and its last lines. */
  ended(): Promise<string> {
    return this.program.lastWords();
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.program.stop(signal);
  }

  /** Starts it again, empty, on the same port with the same password; stops it first if it runs. */
  async restart(): Promise<void> {
    await this.stop();
    this.program = await launch(this.server, this.port, this.password);
  }
}

/** A port of loopback on which nothing listens. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a TCP listener has an address");
  return address.port;
}

async function launch(server: ServerProgram, port: number, password: string): Promise<Program> {
  const settings = {
    port: String(port),
    bind: "127.0.0.1",
    requirepass: password,
    dir: tmpdir(),
    // Of a name that no file has: a server starts empty. Replicas take in their primary's data without a file.
    dbfilename: `${randomUUID()}.rdb`,
    "repl-diskless-load": "swapdb",
    // Those that a shim uses, and no more: a server that is compared with a shim refuses the same.
    databases: "2",
    save: "",
    appendonly: "no",
    maxmemory: "256mb",
    "maxmemory-policy": "allkeys-lru",
  };
  const program = await Program.start({
    command: server.command,
    argv0: server.argv0,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    // Servers refuse to start under a locale that the machine does not have.
    environment: { LC_ALL: "C" },
  });
  await ready(program, urlOf(port, password));
  return program;
}

async function ready(program: Program, url: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 10, maxRetriesPerRequest: null });
  // Refused connections are expected until it listens; the end of the process is what counts.
  client.on("error", () => {});
  try {
    await program.unlessEnded("The server", client.ping());
  } finally {
    client.disconnect();
  }
}

function urlOf(port: number, password: string): string {
  return `redis://default:${password}@127.0.0.1:${port}`;
}
