// A fabric whose shims run in the test's own process, so that a failing test has one stack and one log.
import { resolve } from "node:path";
import { pino } from "pino";
import { Fabric, type FabricOptions, type LaunchShim } from "../../local/fabric";
import { noFaults } from "../../local/wires";
import { parseConfiguration } from "../../shim/configuration";
import { startShim } from "../../shim/shim";

/** Starts a fabric: three regions, a shim each, no delay between them, unless the options say otherwise. */
export function startFabric(options: Partial<FabricOptions> = {}): Promise<Fabric> {
  return Fabric.start({
    regions: ["us-east-1", "eu-west-1", "ap-northeast-1"],
    shims: 1,
    faults: { ...noFaults, delay: 0 },
    launch: launchInProcess,
    ...options,
  });
}

/** Its level is that of LOG_LEVEL, `warn` by default. */
const log = pino({ level: process.env.LOG_LEVEL ?? "warn" });

/** A thread runs what is compiled. */
const inboundProgram = resolve(__dirname, "../../shim/dist/inbound/inboundProgram.js");

/** Runs a shim in this process; stopping it twice is stopping it once. */
export const launchInProcess: LaunchShim = async (environment) => {
  // The SDK takes its credentials from this process's environment alone.
  process.env.AWS_ACCESS_KEY_ID = environment.AWS_ACCESS_KEY_ID;
  process.env.AWS_SECRET_ACCESS_KEY = environment.AWS_SECRET_ACCESS_KEY;
  const ownLog = log.child({ region: environment.FLY_REDIS_REGION });
  const shim = await startShim(parseConfiguration(environment), ownLog, inboundProgram);
  let stopped: Promise<void> | undefined;
  return {
    port: shim.port,
    operationsPort: shim.operationsPort,
    pid: process.pid,
    stop: () => {
      stopped ??= shim.stop();
      return stopped;
    },
    // It cannot die without this process.
    ended: () => new Promise<never>(() => {}),
  };
};
