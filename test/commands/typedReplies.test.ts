// Each command's typed answer has the type that a real server's reply has: on empty keys with as many elements, and where
// a command fails on those, on keys that are there.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { rulesFor } from "../../shim/commands/policy";
import { type CommandSpecification, packagedSpecifications } from "../../shim/commands/specification";
import { typedAnswers, typedReply } from "../../shim/commands/typedReplies";
import { type SwitchableGroup, switchableGroups } from "../../shim/contract";
import type { Protocol } from "../../shim/resp/encoder";
import { forwardedCommands } from "../session/samples/forwardedCommands";
import { nameOf } from "../session/samples/sample";
import { specificationsOf } from "../support/commands";
import { RawClient } from "../support/rawClient";
import { describeOnServers, Server } from "../support/servers";
import { echoingCalls, typicalCalls } from "./typicalCalls";

/** A reply without its values: types, numbers of elements, and which are nothing. */
function outline(reply: string): string {
  const lines = reply.split("\r\n");
  const next = (): string => {
    const line = lines.shift() ?? "";
    const [type = ""] = line;
    if (/^(_|[$*]-1)$/.test(line)) return type;
    if ("$=".includes(type)) lines.splice(0, 1);
    if (!"*~%".includes(type)) return `${type} value`;
    const count = Number(line.slice(1));
    return `${type}${count}(${Array.from({ length: type === "%" ? 2 * count : count }, next)})`;
  };
  return next();
}

test("every command of the packaged list that is accepted or acknowledged has a type", () => {
  const commands = packagedSpecifications().filter(({ name }) => !/^(OBJECT|XGROUP|XINFO)$/.test(name));
  expect(untyped(commands)).toEqual([]);
});

/** What database 1 takes; a container's subcommands in its place. */
function taken(commands: readonly CommandSpecification[], groups: readonly SwitchableGroup[]): string[] {
  return commands
    .filter((command) => /^(accept|acknowledge|container)$/.test(rulesFor(command, groups).virtual))
    .flatMap(({ name, subcommands }) =>
      subcommands.size > 0 ? [...subcommands.values()].map((one) => one.name) : name,
    );
}

function untyped(commands: readonly CommandSpecification[]): string[] {
  return taken(commands, switchableGroups).filter((name) => !typedAnswers.has(name));
}

describeOnServers("typed answers", (program) => {
  let server: Server;
  let client: RawClient;

  beforeAll(async () => {
    server = await Server.start(program);
    client = await RawClient.connect(server.url);
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });

  test("there is one to every command of the server that is accepted or acknowledged", async () => {
    expect(untyped(await specificationsOf(server))).toEqual([]);
  });

  describe.each([2, 3] as const)("in RESP%d", (protocol: Protocol) => {
    const forwarded = forwardedCommands.filter(([name = ""]) => !/^command$/i.test(name));
    const samples = [...forwarded, ...typicalCalls, ...echoingCalls];
    /** Commands that do not fail on empty keys. */
    const seen = new Set<string>();

    function ours(words: readonly string[]): string {
      const bytes = words.map((word) => Buffer.from(word, "latin1"));
      return typedReply(nameOf(words), bytes, protocol).toString("latin1");
    }

    beforeAll(() => client.call("HELLO", String(protocol)));

    test("they are as on empty keys", async () => {
      const different: string[] = [];
      for (const words of samples) {
        client.send(["FLUSHALL"], words);
        const [, theirs = ""] = await client.take(2);
        if (theirs.startsWith("-")) continue;
        seen.add(nameOf(words));
        const [one, other] = [ours(words), theirs].map(outline);
        // Their number of lines is each server's own.
        const same = nameOf(words).endsWith("|HELP") ? one?.[0] === other?.[0] : one === other;
        // Whether a condition holds is known in each region alone: here it is taken to.
        if (one === "+ value" && (other === "_" || other === "$")) continue;
        if (!same) different.push(`${words.join(" ")}: ${one} for ${other}`);
      }
      expect(different).toEqual([]);
    });

    test("those that echo what they are given are the same byte for byte", async () => {
      const answers: [command: string, answer: string][] = [];
      const theirs: [command: string, answer: string][] = [];
      for (const words of echoingCalls) {
        client.send(["FLUSHALL"], words);
        theirs.push([words.join(" "), (await client.take(2))[1] ?? ""]);
        answers.push([words.join(" "), ours(words)]);
      }
      expect(answers).toEqual(theirs);
    });

    test("the others are as on keys that are there", async () => {
      client.send(["FLUSHALL"], ["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
      await client.take(2);
      const different: string[] = [];
      /** And those that do not fail here. */
      const late = new Set<string>();
      for (const words of samples) {
        const theirs = await client.call(...words);
        if (theirs.startsWith("-") || seen.has(nameOf(words))) continue;
        late.add(nameOf(words));
        const [one, other] = [ours(words), theirs].map(outline);
        if (one?.[0] !== other?.[0] && one !== "_") different.push(`${words.join(" ")}: ${one} for ${other}`);
      }
      expect(different).toEqual([]);
      // Valkey 9.1 has CLUSTERSCAN for clusters alone.
      const commands = taken(await specificationsOf(server), []).filter((name) => name !== "CLUSTERSCAN");
      expect(commands.filter((name) => !seen.has(name) && !late.has(name))).toEqual([]);
    });
  });
});
