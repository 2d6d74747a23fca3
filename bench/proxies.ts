// The proxies that the shim is measured against, each started on a free port of loopback with the defaults it comes with
// and one thread.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { Program } from "@redis-on-fly/local/dist/program";
import { freePort } from "@redis-on-fly/local/dist/servers";

const run = promisify(execFile);

/** A proxy that serves. */
export interface RunningProxy {
  readonly port: number;
  readonly pid: number;
  /** Its name and version. */
  readonly version: string;
  stop(): Promise<void>;
}

/** Where a proxy leads to. */
export interface Upstream {
  readonly port: number;
  readonly password: string;
  /** Whether it is to be reached by TLS; whose certificate it has is not looked at. */
  readonly tls: boolean;
}

/** Thrown where a peer cannot be measured on this machine; says what would have to be there. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

interface Executable {
  readonly command: string;
  readonly version: string;
}

/** @throws UnavailableError where it is not installed */
export async function startNutcracker(upstream: Upstream): Promise<RunningProxy> {
  const { command, version } = await findProxy("nutcracker", ["--version"], /nutcracker-\S+/);
  const port = await freePort();
  const statsPort = await freePort();
  const pool = [
    "bench:",
    `  listen: 127.0.0.1:${port}`,
    "  redis: true",
    `  redis_auth: ${upstream.password}`,
    "  servers:",
    `   - 127.0.0.1:${upstream.port}:1`,
  ];
  const start = (file: string): Promise<Program> => {
    const options = {
      "--conf-file": file,
      "--output": `${file}.log`,
      "--pid-file": `${file}.pid`,
      "--stats-addr": "127.0.0.1",
      "--stats-port": String(statsPort),
    };
    return Program.start({ command, args: Object.entries(options).flat(), environment: {} });
  };
  return serve({ port, version: version.replace("-", " "), settings: pool, start });
}

/** In TCP mode it knows nothing of requests: a client's connection is one to the server. @throws UnavailableError where it is not installed */
export async function startHaproxy({ port: upstreamPort, tls }: Upstream): Promise<RunningProxy> {
  const { command, version } = await findProxy("haproxy", ["-v"], /HAProxy version \d+(\.\d+)*/);
  const port = await freePort();
  const settings = [
    "global",
    "  nbthread 1",
    "  maxconn 4096",
    "defaults",
    "  mode tcp",
    "  timeout connect 5s",
    "  timeout client 1m",
    "  timeout server 1m",
    "listen bench",
    `  bind 127.0.0.1:${port}`,
    `  server redis 127.0.0.1:${upstreamPort}${tls ? " ssl verify none" : ""}`,
  ];
  const start = (file: string): Promise<Program> =>
    Program.start({ command, args: ["-db", "-f", file], environment: {} });
  return serve({ port, version: version.replace("version ", ""), settings, start });
}

async function findProxy(name: string, args: readonly string[], version: RegExp): Promise<Executable> {
  // Debian puts them where only root's PATH leads.
  for (const command of [name, `/usr/sbin/${name}`]) {
    const output = await run(command, args).catch(() => undefined);
    const found = output && version.exec(output.stdout + output.stderr);
    if (found) return { command, version: found[0] };
  }
  throw new UnavailableError(`${name} is not installed (Debian: apt install ${name})`);
}

interface Service {
  readonly port: number;
  readonly version: string;
  readonly settings: readonly string[];
  /** @param file - with the settings; it may write others beside it until it listens */
  readonly start: (file: string) => Promise<Program>;
}

async function serve({ port, version, settings, start }: Service): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), "redis-on-fly-bench-"));
  try {
    const file = join(folder, "proxy.cfg");
    await writeFile(file, `${settings.join("\n")}\n`, { mode: 0o600 });
    const program = await start(file);
    try {
      await program.unlessEnded(version, untilListening(port));
    } catch (error) {
      await program.stop();
      throw error;
    }
    return { port, pid: program.pid, version, stop: () => program.stop() };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @throws Error where it takes more than a second or so */
async function untilListening(port: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (cause) {
      if (attempt === 50) throw new Error(`nothing listens on port ${port} although it was started`, { cause });
      await setTimeout(20);
    } finally {
      socket.destroy();
    }
  }
}
