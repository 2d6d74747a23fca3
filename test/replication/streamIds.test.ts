// The IDs of stream entries: those that Redis would give, in the order of the stamps.
import { afterAll, beforeAll, beforeEach, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { Random } from "../../chaos/random";
import { ConnectedServer } from "../support/connectedServer";
import { ReplayedRegion } from "../support/replayedRegion";
import { describeWithServer } from "../support/servers";

const FUTURE = "99999999999999";

describeWithServer("IDs of stream entries", () => {
  const here = new ReplayedRegion();
  const { command, commandAfter, replay } = here;
  let region: Redis;
  let server: ConnectedServer;
  let plain: Redis;

  beforeAll(async () => {
    ({ region } = here);
    server = await ConnectedServer.start();
    plain = server.connect();
  });

  afterAll(() => server.close());

  beforeEach(() => plain.flushall());

  const idsIn = async (redis: Redis): Promise<string[]> => (await redis.xrange("s", "-", "+")).map(([id]) => id);

  async function run(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const [name = "", ...args] = line.split(" ");
      await plain.call(name, ...args).catch(() => {});
    }
  }

  it("count within a given millisecond, whatever the order in which they come", async () => {
    const lines = ["XADD s 5-* f first", "XADD s 5-* f second", "XADD s 5-7 f third", "XADD s 5-* f fourth"];
    await run(...lines);
    const expected = await plain.xrange("s", "-", "+");
    expect(expected.map(([id]) => id)).toEqual(["5-0", "5-1", "5-7", "5-8"]);
    for (let seed = 1; seed <= 10; seed += 1) {
      await here.wipe();
      await replay(...new Random(seed).shuffle(lines.map((line, index) => command(index + 1, line))));
      expect(await region.xrange("s", "-", "+")).toEqual(expected);
    }
  });

  it.each([
    ["an entry with a higher one", [`XADD s ${FUTURE}-5 f v`]],
    ["one that only the sequence makes higher", [`XADD s ${FUTURE}-18446744073709551613 f v`]],
    ["XSETID", ["XADD s 1-1 f v", `XSETID s ${FUTURE}-5`]],
  ])("follow on those that are higher than the time of an XADD with *: after %s", async (_, before) => {
    const lines = [...before, "XADD s * f a", "XADD s MAXLEN = 9 * f b"];
    await run(...lines);
    const expected = await plain.xrange("s", "-", "+");
    for (let seed = 1; seed <= 10; seed += 1) {
      await here.wipe();
      await replay(...new Random(seed).shuffle(lines.map((line, index) => command(index + 1, line))));
      expect(await region.xrange("s", "-", "+")).toEqual(expected);
    }
  });

  it("are refused where they were given and are not higher, even if they look like those of an XADD with *", async () => {
    const own = command(1, "XADD s * f a");
    const copied = `XADD s ${own.args[2]} f copied`;
    expect(await replay(own, command(2, copied), command(3, "XADD s 5-1 f low"))).toEqual([
      "applied",
      "failed",
      "failed",
    ]);
    expect(await idsIn(region)).toEqual([String(own.args[2])]);
  });

  it("follow on higher ones where commands run in the order of their arrival as well", async () => {
    await replay(command(1, `XADD s ${FUTURE}-5 f v`), command(2, "RENAME s t"), command(3, "RENAME t s"));
    expect(await replay(command(4, "XADD s * f a"), commandAfter(4, "XADD s NOMKSTREAM * f b"))).toEqual([
      "applied",
      "applied",
    ]);
    expect(await idsIn(region)).toEqual([5, 6, 7].map((sequence) => `${FUTURE}-${sequence}`));
  });
});
