// Who is measured: ways to one and the same Redis. Every peer answers the same load, in front of the same server, so that
// figures differ by what stands between alone.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { Fabric, type Region } from "@redis-on-fly/local/dist/fabric";
import { Program } from "@redis-on-fly/local/dist/program";
import { freePort, type Server } from "@redis-on-fly/local/dist/servers";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";

const run = promisify(execFile);

export type PeerName = "direct" | "shim" | "nutcracker";

/** A way to Redis. */
export interface Peer {
  readonly name: PeerName;
  /** `redis://[user]:password@host:port` */
  readonly url: string;
  /** The proxy's process; absent where there is none. */
  readonly pid?: number;
}

/** nutcracker as it is installed here. */
interface Nutcracker {
  readonly command: string;
  readonly version: string;
}

// Debian puts it where only root's PATH leads.
const NUTCRACKER_COMMANDS = ["nutcracker", "/usr/sbin/nutcracker"];

/** Redis and all peers, running. */
export class Peers {
  private constructor(
    private readonly fabric: Fabric,
    private readonly nutcracker: Program | undefined,
    readonly all: readonly Peer[],
    /** The process of the Redis behind all of them. */
    readonly redisPid: number,
    /** Absent where it is not installed. */
    readonly nutcrackerVersion: string | undefined,
  ) {}

  /** Starts everything; the shim gets a bus, which stays idle, and is a process of its own, as in production. */
  static async start(): Promise<Peers> {
    const installed = await findNutcracker();
    const fabric = await Fabric.start({
      regions: ["us-east-1"],
      shims: 1,
      faults: noFaults,
      launch: launchShimProcess,
    });
    try {
      const [region] = fabric.regions;
      if (!region) throw new Error("a fabric has the regions that it was asked for");
      const { server } = region;
      const all: Peer[] = [{ name: "direct", url: server.url }, shimPeer(fabric, region)];
      let nutcracker: Program | undefined;
      if (installed) {
        const port = await freePort();
        nutcracker = await startNutcracker(installed.command, port, server);
        all.push({ name: "nutcracker", url: nutcrackerUrl(server, port), pid: nutcracker.pid });
      }
      return new Peers(fabric, nutcracker, all, server.pid, installed?.version);
    } catch (error) {
      await fabric.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.nutcracker?.stop();
    await this.fabric.stop();
  }
}

function shimPeer(fabric: Fabric, region: Region): Peer {
  const [shim] = region.shims;
  if (!shim) throw new Error("a region has the shims that it was asked for");
  return { name: "shim", url: fabric.url(region, shim), pid: shim.pid };
}

async function findNutcracker(): Promise<Nutcracker | undefined> {
  for (const command of NUTCRACKER_COMMANDS) {
    const output = await run(command, ["--version"]).catch(() => undefined);
    const version = output && /nutcracker-(\S+)/.exec(output.stdout + output.stderr)?.[1];
    if (version) return { command, version };
  }
  return undefined;
}

/** Starts it as it comes, with defaults for all that does not have to be said. */
async function startNutcracker(command: string, port: number, server: Server): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), "redis-on-fly-bench-"));
  try {
    const file = join(folder, "nutcracker.yml");
    const pool = [
      "bench:",
      `  listen: 127.0.0.1:${port}`,
      "  redis: true",
      `  redis_auth: ${new URL(server.url).password}`,
      "  servers:",
      `   - 127.0.0.1:${server.port}:1`,
    ];
    await writeFile(file, `${pool.join("\n")}\n`);
    const options = {
      "--conf-file": file,
      "--output": join(folder, "nutcracker.log"),
      "--pid-file": join(folder, "nutcracker.pid"),
      "--stats-addr": "127.0.0.1",
      "--stats-port": String(await freePort()),
    };
    const program = await Program.start({ command, args: Object.entries(options).flat(), environment: {} });
    await untilListening(port).catch(async (error) => {
      await program.stop();
      throw error;
    });
    return program;
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
      if (attempt === 50) throw new Error("nutcracker did not start: it does not listen", { cause });
      await setTimeout(20);
    } finally {
      socket.destroy();
    }
  }
}

/** It asks for the server's own password, and knows AUTH without a user alone. */
function nutcrackerUrl(server: Server, port: number): string {
  return `redis://:${new URL(server.url).password}@127.0.0.1:${port}`;
}
