// Real servers for tests, and the way to skip, with a word, what needs one on a machine that has none.
import { describe } from "@jest/globals";
import { findServers, type ServerProgram, serverVersion } from "../../local/serverBinary";

export { Server } from "../../local/servers";

const programs = findServers();

/** `describe` where there is a server program; else a skipped `describe`. */
export const describeWithServer = programs.length > 0 ? describe : describe.skip;

/**
 * Runs a suite on Redis and on Valkey; skips it on the one that is not here.
 *
 * @param suite gets the program to start servers of
 */
export function describeOnServers(name: string, suite: (program: ServerProgram | undefined) => void): void {
  const versions = programs.map(serverVersion);
  for (const kind of ["Redis", "Valkey"]) {
    const found = versions.findIndex((version) => version.startsWith(`${kind} `));
    if (found < 0) describe.skip(`${name} (there is no ${kind} here)`, () => suite(undefined));
    else describe(`${name} (${versions[found]})`, () => suite(programs[found]));
  }
}

/** A server whose hashes have fields that expire, where there is one; else a word about it, and the server of this machine. */
export function serverWithFieldExpiries(): ServerProgram | undefined {
  const found = programs.find((program) => {
    const [, name, version] = /^(\w+) (\d+\.\d+)/.exec(serverVersion(program)) ?? [];
    return Number(version) >= (name === "Valkey" ? 9 : 7.4);
  });
  if (!found) console.warn("No Redis 7.4 or Valkey 9 here: commands on expiries of fields are left out.");
  return found ?? programs[0];
}

if (programs.length === 0) console.warn("No redis-server or valkey-server here: tests that need one are skipped.");
