// The clusters' user, on a real server: everything that shims send is allowed, and what would manage the server is not.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import Redis from "ioredis";
import { clusterAccess, clusterUser } from "../../infra/clusterAccess";
import { rulesFor } from "../../shim/commands/policy";
import type { CommandSpecification } from "../../shim/commands/specification";
import { kindredRefusals, switchableGroups } from "../../shim/contract";
import { specificationsOf } from "../support/commands";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

describeWithServer("the clusters' user", () => {
  let server: ConnectedServer;
  let admin: Redis;
  let commands: CommandSpecification[];

  beforeAll(async () => {
    server = await ConnectedServer.start();
    admin = server.connect();
    await admin.call("ACL", "SETUSER", clusterUser, ...clusterAccess.split(" "), ">password");
    commands = await specificationsOf(server);
  });

  afterAll(() => server.close());

  /** Whether the user may run a command, with as many arguments as it wants at least. */
  async function allowed({ arity }: CommandSpecification, ...words: string[]): Promise<boolean> {
    const rest = Array(Math.abs(arity) - words.length).fill("1");
    return (await admin.call("ACL", "DRYRUN", clusterUser, ...words, ...rest)) === "OK";
  }

  test("may run all that is passed on or replayed", async () => {
    const passedOn = commands.filter((command) => {
      const { regional } = rulesFor(command, switchableGroups);
      return regional !== "refuse" && regional !== "local" && command.subcommands.size === 0;
    });
    const denied: string[] = [];
    for (const command of passedOn) if (!(await allowed(command, command.name))) denied.push(command.name);
    expect(passedOn.length).toBeGreaterThan(100);
    expect(denied).toEqual([]);
  });

  test("may do what shims do of their own accord", async () => {
    const client = new Redis(server.url.replace(/\/\/.*@/, `//${clusterUser}:password@`));
    await expect(client.eval("redis.call('SELECT', 1) return redis.call('SET', 'key', 1)", 0)).resolves.toBeTruthy();
    await expect(client.eval("return redis.call('FLUSHDB', 'ASYNC')", 0)).resolves.toBeTruthy();
    await expect(client.script("LOAD", "return 1")).resolves.toMatch(/^[0-9a-f]{40}$/);
    await expect(client.time()).resolves.toHaveLength(2);
    await expect(client.info()).resolves.toContain("# Server");
    await expect(client.call("COMMAND")).resolves.toBeTruthy();
    client.disconnect();
  });

  test("may run every command of the shims' scripts", async () => {
    const folder = join(__dirname, "../../shim/replication");
    const scripts = readdirSync(folder).filter((file) => file.endsWith("Script.ts"));
    const sources = scripts.map((file) => readFileSync(join(folder, file), "utf8")).join();
    const called = [...sources.matchAll(/call\('([A-Z]+)'(?:, '(USAGE|STREAM)')?/g)].map((call) =>
      call.slice(1).filter(Boolean),
    );
    const denied: string[] = [];
    for (const [name = "", ...subcommand] of called) {
      const command = commands.find((one) => one.name === name);
      // Of fields that expire older servers know nothing.
      if (!command) continue;
      const judged = subcommand[0] ? command.subcommands.get(subcommand[0])! : command;
      if (!(await allowed(judged, name, ...subcommand))) denied.push(name);
    }
    expect(called.length).toBeGreaterThan(50);
    expect(denied).toEqual([]);
  });

  test("may not manage the server", async () => {
    const managing: readonly string[] = [...kindredRefusals.administration, "CLIENT", "CONFIG", "MONITOR"];
    const forms = commands
      .filter(({ name }) => managing.includes(name))
      .flatMap((command) => [
        ...(command.subcommands.size === 0 ? [{ command, words: [command.name] }] : []),
        ...[...command.subcommands].map(([name, subcommand]) => ({ command: subcommand, words: [command.name, name] })),
      ]);
    const granted: string[] = [];
    for (const { command, words } of forms) if (await allowed(command, ...words)) granted.push(words.join(" "));
    expect(forms.length).toBeGreaterThan(50);
    expect(granted).toEqual([]);
  });
});
