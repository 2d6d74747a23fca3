// A listener without the rest of a shim, for tests of what becomes of connections: database 0 alone, and a log to look at.
import { pino } from "pino";
import type { Server } from "../../local/servers";
import { CommandTable } from "../../shim/commands/commandTable";
import { Users } from "../../shim/commands/users";
import { Counters } from "../../shim/operations/counters";
import { Listener, type ListenerOptions } from "../../shim/session/listener";
import type { Virtual } from "../../shim/session/services";
import { LanePool } from "../../shim/upstream/lanePool";

const password = "password-of-the-listener";

/** A listener that serves. */
export interface Listening {
  readonly listener: Listener;
  readonly counters: Counters;
  /** What clients connect to; by TLS where the listener has a certificate. */
  readonly url: string;
  /** What was logged at `warn` and above. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** @param server absent where nothing that the test sends is for the cluster */
export async function startListener(
  options: Partial<ListenerOptions> = {},
  server?: Server,
  outputLimitBytes = 64 * 1024 * 1024,
): Promise<Listening> {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  const cluster = new URL(server?.url ?? "redis://127.0.0.1:1");
  const pool = new LanePool({
    address: {
      host: cluster.hostname,
      port: Number(cluster.port),
      tls: false,
      user: cluster.username || undefined,
      password: cluster.password || undefined,
    },
    lanesPerProtocol: 1,
    maxPrivateLanes: 100,
    timeoutMs: 5000,
    log,
  });
  const counters = new Counters();
  const everything = { write: true, database1: true, flushall: true };
  const listener = new Listener(
    {
      table: new CommandTable([]),
      pool,
      virtual: { isAtHome: () => true } as Partial<Virtual> as Virtual,
      sources: {
        users: new Users([{ name: "app", passwords: [password], ...everything }]),
        clientNames: false,
        identity: () => ({ server: "redis", version: "7.0.0" }),
        info: async () => "",
      },
      counters,
      outputLimitBytes,
      virtualLimitBytes: 256 * 1024,
      log,
    },
    { maxClients: 1000, idleTimeoutMs: 0, maxAgeMs: 0, keepAliveMs: 60_000, certificate: undefined, ...options },
  );
  const port = await listener.listen("127.0.0.1", 0);
  return {
    listener,
    counters,
    url: `redis${options.certificate ? "s" : ""}://app:${password}@127.0.0.1:${port}`,
    lines,
    async stop() {
      await listener.drain(0);
      pool.close();
    },
  };
}
