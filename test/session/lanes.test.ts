// The lane-change rule: whatever kinds of lane a pipeline goes over, and however it is cut into chunks, it gets what one
// plain server gives.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Fabric } from "../../local/fabric";
import { encodeRequest } from "../../shim/resp/encoder";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeOnServers, Server } from "../support/servers";
import { comparable } from "./samples/sample";

/** Commands in a row. */
interface Step {
  readonly ours: readonly string[][];
  /** What a plain server gets in their place; its answers count only where there is nothing `expected`. */
  readonly theirs: readonly string[][];
  readonly expected?: RegExp;
}

const large = "x".repeat(70_000);
const key = fc.constantFrom("a", "b", "c");
const value = fc.constantFrom("1", "2", large);
const side = fc.constantFrom("LEFT", "RIGHT");

const regional = fc.oneof(
  fc.tuple(fc.constant("SET"), key, value),
  fc.tuple(fc.constantFrom("GET", "get", "STRLEN", "DEL", "TYPE", "INCR", "LLEN"), key),
  fc.tuple(fc.constant("RPUSH"), key, fc.constantFrom("x", "y")),
  fc.tuple(fc.constantFrom("BLPOP", "brpop"), key, fc.constant("0.01")),
  fc.tuple(fc.constant("BLMOVE"), key, key, side, side, fc.constant("0.01")),
  fc.tuple(fc.constant("ECHO"), value),
  fc.constantFrom(
    ["PING"],
    ["SELECT", "0"],
    ["NOSUCH", "x"],
    ["GET"],
    ["HELLO", "2"],
    ["HELLO", "3"],
    ["XREAD", "BLOCK", "10", "STREAMS", "none", "$"],
    ["FLUSHALL"],
    ["COPY", "a", "b", "REPLACE"],
    ["MGET", "a", "b", "c"],
  ),
) as fc.Arbitrary<string[]>;

// Overwrites and reads alone: what other commands make of a key that database 0 has changed meanwhile is not promised.
const virtual = fc.oneof(
  fc.tuple(fc.constant("SET"), key, value),
  fc.tuple(fc.constantFrom("DEL", "UNLINK", "GET"), key),
  fc.tuple(fc.constant("MSET"), key, value, fc.constant("c"), value),
  fc.constantFrom(["FLUSHALL"]),
) as fc.Arbitrary<string[]>;

const signIn = ["AUTH", "<user>", "<password>"];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: regional.map((words) => ({ ours: [words], theirs: [words] })) },
  {
    weight: 2,
    arbitrary: fc.array(virtual, { maxLength: 3 }).map((commands) => ({
      ours: [["SELECT", "1"], ...commands, ["SELECT", "0"]],
      theirs: commands,
      expected: /^\+OK\r\n$/,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>(
      { ours: [["RESET"], signIn], theirs: [["RESET"], signIn] },
      // An answer for which the cluster is asked first.
      { ours: [["INFO", "server"]], theirs: [], expected: /^[$=]/ },
    ),
  },
);

describeOnServers("a session", (program) => {
  let fabric: Fabric;
  let plain: Server;

  beforeAll(async () => {
    [fabric, plain] = await Promise.all([
      startFabric({ regions: ["eu-west-1"], server: program }),
      Server.start(program),
    ]);
  });
  afterAll(() => Promise.all([fabric?.stop(), plain?.stop()]));

  /** What a side answers to the commands. */
  async function answers(url: string, commands: readonly string[][], sizes?: Iterator<number>): Promise<string[]> {
    const client = await RawClient.connect(url);
    const { username, password } = new URL(url);
    const said = commands.map((words) =>
      encodeRequest(words.map((word) => word.replace("<user>", username).replace("<password>", password))),
    );
    await client.call("FLUSHALL");
    const bytes = Buffer.concat(said);
    for (let at = 0; at < bytes.length; ) {
      const size: number = sizes?.next().value ?? bytes.length;
      client.write(bytes.subarray(at, at + size));
      at += size;
    }
    const replies = await client.take(commands.length);
    // Waits until what it wrote on database 1 is at home, where the next one begins anew.
    await client.call("EXISTS", "a");
    client.close();
    return replies.map(comparable);
  }

  test("gets what one plain server gives, over every kind of lane and in any chunks", async () => {
    const sizes = fc.infiniteStream(fc.constantFrom(1, 7, 100, 70_000));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), sizes, async (steps, chunks) => {
        const [ours, theirs] = await Promise.all([
          answers(
            fabric.url(fabric.regions[0]!),
            steps.flatMap((each) => each.ours),
            chunks,
          ),
          answers(
            plain.url,
            steps.flatMap((each) => each.theirs),
          ),
        ]);
        const expected = steps.flatMap<unknown>((each) => {
          const given = theirs.splice(0, each.theirs.length);
          return each.expected ? each.ours.map(() => expect.stringMatching(each.expected ?? "")) : given;
        });
        expect(ours).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
