// The program behind `npm start`: runs a fabric until Ctrl-C, or a program inside one. Only what was asked for goes to
// stdout; what is to be said of the fabric's life goes to stderr.
import { once } from "node:events";
import { createServer } from "node:net";
import { runInRegion } from "./exec";
import { Fabric } from "./fabric";
import { commandLine, type StartOptions } from "./options";
import { describe } from "./report";
import { launchShimProcess } from "./shimProcess";
import { publishFabric, type RegionState, runningFabric, withdrawFabric } from "./state";

const INTERRUPTED = 130;
// npm and the terminal may both send us the signal of one Ctrl-C.
const ONE_KEYPRESS_MS = 500;

async function start(options: StartOptions): Promise<void> {
  const other = await runningFabric();
  if (other) {
    const names = other.regions.map(({ name }) => name).join(", ");
    throw new Error(
      `A fabric runs here already (${names}; process ${other.pid}): use that one, or stop it with Ctrl-C.`,
    );
  }
  const fabric = await startFabric(options);
  try {
    const regions = statesOf(fabric);
    await publishFabric({ pid: process.pid, endpoint: fabric.emulator.endpoint, regions });
    const interrupted = interruption();
    reportDeaths(fabric, interrupted);
    process.stdout.write(options.json ? `${JSON.stringify({ regions })}\n` : describe(fabric, options.faults.seed));
    await interrupted;
    say("stopping …");
    await withdrawFabric();
  } finally {
    await fabric.stop();
  }
}

async function exec(region: string, program: readonly string[], options: StartOptions): Promise<void> {
  const running = await runningFabric();
  if (running) {
    process.exitCode = await runInRegion(region, program, running.regions);
    return;
  }
  const fabric = await startFabric(options);
  try {
    process.exitCode = await runInRegion(region, program, statesOf(fabric));
  } finally {
    await fabric.stop();
  }
}

/** Until this is done, a signal ends this process at once, and with it everything that was started. */
async function startFabric(options: StartOptions): Promise<Fabric> {
  const { regions, shims, port, faults } = options;
  if (port !== undefined) await checkPorts(port, regions.length * shims);
  say(`starting ${regions.join(", ")} (seed ${faults.seed}) …`);
  return Fabric.start({ ...options, launch: launchShimProcess });
}

/** @throws Error naming the first port that is taken */
async function checkPorts(first: number, count: number): Promise<void> {
  for (let port = first; port < first + count; port++) {
    const listener = createServer().listen(port, "127.0.0.1");
    await once(listener, "listening").catch((cause) => {
      throw new Error(
        `Port ${port} cannot be used (${cause.code}): choose another --port, ${count} in a row are needed.`,
        {
          cause,
        },
      );
    });
    listener.close();
    await once(listener, "close");
  }
}

function statesOf(fabric: Fabric): RegionState[] {
  return fabric.regions.map((region) => ({
    name: region.name,
    url: fabric.url(region),
    cluster: region.server.url,
    pid: region.shims[0]?.pid ?? process.pid,
  }));
}

/** Says so when something dies before it is meant to; the rest runs on. */
function reportDeaths(fabric: Fabric, interrupted: Promise<void>): void {
  let stopping = false;
  interrupted.then(() => {
    stopping = true;
  });
  for (const { name, server, shims } of fabric.regions) {
    const parts = [["server", server] as const, ...shims.map((shim) => ["shim", shim] as const)];
    for (const [role, part] of parts) {
      part.ended().then((words) => {
        if (!stopping) say(`The ${role} of ${name} ${words}`);
      });
    }
  }
}

/** Settles on the first signal to stop; a second one ends this process, and with it everything that was started. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (firstAt !== undefined && Date.now() - firstAt > ONE_KEYPRESS_MS) process.exit(INTERRUPTED);
        firstAt ??= Date.now();
        resolve();
      });
    }
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

// The SDK would tell everybody on Node.js 20 of its own plans.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
commandLine({ start, exec })
  .parseAsync()
  .catch((error: Error) => {
    say(error.message);
    process.exitCode = 1;
  });
