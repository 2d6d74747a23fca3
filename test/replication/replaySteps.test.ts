import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { rulesFor } from "../../shim/commands/policy";
import { type CommandReplyEntry, specificationsFrom } from "../../shim/commands/specification";
import type { StampedCommand } from "../../shim/replication/envelope";
import { Replayer } from "../../shim/replication/replayer";
import { hasKnownKeys, replaySteps } from "../../shim/replication/replaySteps";
import { specificationsOf } from "../support/commands";
import { ConnectedServer } from "../support/connectedServer";
import { describeWithServer } from "../support/servers";

const stamp = { ms: 1_800_000_000_000, counter: 0, origin: 1 };
/** As Valkey 9 says, and as Redis 8.4 does. */
const young: readonly CommandReplyEntry[] = [
  ["delifeq", 3, ["write", "fast"], 1, 1, 1],
  ["increx", -2, ["write", "denyoom", "fast"], 1, 1, 1],
  ["moveall", -3, ["write"], 1, -2, 2],
];
const random = ["SPOP", "XAUTOCLAIM", "XCLAIM"];

function command(line: string): StampedCommand {
  return { stamp, args: line.split(" ").map((word) => Buffer.from(word)) };
}

function kindOf(line: string): unknown[] {
  const [specification] = specificationsFrom(young.filter(([name]) => line.toLowerCase().startsWith(name)));
  return replaySteps(command(line), specification).map((step) => [
    step.kind,
    ...("keys" in step ? step.keys : "key" in step ? [step.key] : []).map(String),
  ]);
}

describe("steps", () => {
  it.each(["ZUNIONSTORE k N k", "ZINTERSTORE k N k", "ZDIFFSTORE k N k", "LMPOP N k LEFT", "ZMPOP N k MIN"])(
    "never look for as many keys as a command only says that it has: %s",
    (line) => {
      for (const count of ["9223372036854775807", "Infinity", "2147483647", "-1", "x"]) {
        expect(kindOf(line.replace("N", count))).toHaveLength(1);
      }
      expect(kindOf(line.replace("N", "1"))[0]).toContain("k");
    },
  );

  it.each([
    ["DELIFEQ k v", ["modification", "k"]],
    ["MOVEALL a 1 b 2", ["other", "a", "b"]],
    ["INCREX k EX 10", ["modification", "k"]],
    ["NOSUCH k v", ["other", "k"]],
  ])("of a command that is younger than the table go by what the server says of its keys: %s", (line, steps) => {
    expect(kindOf(line)).toEqual([steps]);
  });
});

describe("steps of MSETEX", () => {
  const stepsOf = (line: string) =>
    replaySteps(command(line)).map(({ kind, args, ...step }) => [
      kind,
      args.join(" "),
      ...("leaves" in step ? [step.leaves] : "instantIndex" in step ? [step.instantIndex] : []),
    ]);

  it.each([
    [
      "MSETEX 2 a 1 b 2",
      [
        ["overwrite", "SET a 1", "+"],
        ["overwrite", "SET b 2", "+"],
      ],
    ],
    [
      "MSETEX 2 a 1 b 2 PXAT 99",
      [
        ["overwrite", "SET a 1 PXAT 99", "x99"],
        ["overwrite", "SET b 2 PXAT 99", "x99"],
      ],
    ],
    ["MSETEX 2 a 1 a NX", [["overwrite", "SET a NX", "+"]]],
    [
      "MSETEX 2 a 1 b 2 KEEPTTL",
      [
        ["modification", "SET a 1 KEEPTTL", 0],
        ["modification", "SET b 2 KEEPTTL", 0],
      ],
    ],
    ["MSETEX 1 a 1 NX PXAT 99", [["modification", "SET a 1 NX PXAT 99", 5]]],
    ["MSETEX 2 a 1 a 2 XX", [["modification", "SET a 2 XX", 0]]],
    ["MSETEX 2 a 1 b 2 NX PXAT 99", [["other", "MSETEX 2 a 1 b 2 NX PXAT 99"]]],
  ])("are those of SET, unless there are a condition and several keys: %s", (line, steps) => {
    expect(stepsOf(line)).toEqual(steps);
  });

  it("know their keys, and ask no server for them", () => {
    expect(hasKnownKeys(command("MSETEX 1 k v"))).toBe(true);
    expect(replaySteps(command("MSETEX 2 a 1 b 2 XX"))).toMatchObject([
      { keys: ["a", "b"].map((key) => Buffer.from(key)) },
    ]);
  });
});

describeWithServer("steps on a server", () => {
  let server: ConnectedServer;
  let client: Redis;

  beforeAll(async () => {
    server = await ConnectedServer.start();
    client = server.connect();
  });

  afterAll(() => server.close());

  it("keep the order of every write that changes one key, unless its result is random", async () => {
    const all = await specificationsOf(server);
    const ofOneKey = all
      .flatMap((each) => (each.subcommands.size > 0 ? [...each.subcommands.values()] : [each]))
      .filter(({ flags, firstKey, lastKey }) => flags.has("write") && firstKey > 0 && firstKey === lastKey)
      .filter((each) => !each.flags.has("movablekeys") && rulesFor(each, []).virtual === "accept");
    const unordered = ofOneKey.filter((each) => {
      const { name, arity, firstKey } = each;
      const words = [...name.split("|"), ...Array(Math.max(Math.abs(arity), firstKey + 1)).fill("1")];
      words[firstKey] = "key";
      const line = command(words.join(" "));
      const steps = replaySteps(line, hasKnownKeys(line) ? undefined : each);
      return steps.some(({ kind }) => kind === "other");
    });
    expect(ofOneKey.length).toBeGreaterThan(50);
    expect(unordered.map(({ name }) => name).sort()).toEqual(random);
  });

  it("are asked for once, and later where the server cannot be asked now", async () => {
    const replayer = new Replayer(client, 600_000, stamp);
    const asked: unknown[] = [];
    let reply: readonly (CommandReplyEntry | null)[] | undefined;
    client.call = async (...args: unknown[]) => {
      asked.push(args);
      if (!reply) throw new Error("Connection is closed.");
      return reply;
    };
    const compare = command("DELIFEQ k v");
    expect((await replayer.apply([compare])).transient).toMatchObject([{ command: "DELIFEQ" }]);
    reply = [null];
    expect(await replayer.stepsOf(compare)).toMatchObject([{ kind: "other" }]);
    reply = young.slice(0, 1);
    for (let count = 0; count < 2; count += 1) {
      expect(await replayer.stepsOf(compare)).toMatchObject([{ kind: "modification" }]);
    }
    expect(asked).toEqual(Array(3).fill(["COMMAND", "INFO", "DELIFEQ"]));
  });
});
