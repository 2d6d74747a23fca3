#!/usr/bin/env node
// The shim as a process: configuration from the environment, structured logs on standard output, SIGTERM drains.
import pino from "pino";
import { ConfigurationError, describeConfiguration, parseConfiguration } from "./configuration";
import { startShim } from "./shim";

async function main(): Promise<void> {
  const [argument] = process.argv.slice(2);
  if (argument === "--help" || argument === "-h") {
    process.stdout.write(`${describeConfiguration()}\n`);
    return;
  }
  if (argument !== undefined)
    throw new ConfigurationError([`the argument ${argument} is not known; there is --help alone`]);
  const configuration = parseConfiguration(process.env);
  const log = pino({ level: configuration.logLevel, base: { region: configuration.region } });
  const shim = await startShim(configuration, log);
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "stopping");
    // Nothing of the shim keeps the process alive once it has stopped; exit status 0 follows by itself.
    void shim.stop();
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
  const { port, typedPort, operationsPort } = shim;
  log.info({ port, typedPort, operationsPort }, "ready");
}

main().catch((error: Error) => {
  // Only what the user can mend is told in words; anything else deserves its stack.
  process.stderr.write(`redis-on-fly shim: ${error instanceof ConfigurationError ? error.message : error.stack}\n`);
  process.exit(1);
});
