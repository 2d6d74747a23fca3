// What a journal cannot keep: too many commands, or a value that is too large.
import { randomBytes } from "node:crypto";
import { beforeAll, expect, it } from "@jest/globals";
import type { Redis } from "ioredis";
import { ReplayedRegion } from "../support/replayedRegion";
import { describeWithServer } from "../support/servers";

describeWithServer("a journal's bounds", () => {
  const here = new ReplayedRegion();
  const { command, commandAfter, replay } = here;
  let region: Redis;
  let records: Redis;

  beforeAll(() => {
    ({ region, records } = here);
  });

  it("folds the older half of a long journal, whose commands stay known", async () => {
    const all = Array.from({ length: 1200 }, (_, index) => command(index + 1, "INCR n"));
    await here.replayer.apply(all);
    expect(await region.get("n")).toBe("1200");
    expect(Number(await records.hget("jn", "c"))).toBeLessThanOrEqual(512);
    expect((await here.replayer.apply(all)).stale).toBe(1200);
    expect(await replay(commandAfter(1150, "INCR n"))).toEqual(["applied"]);
    expect(await region.get("n")).toBe("1201");
    expect(await replay(commandAfter(3, "INCR n"))).toEqual(["folded"]);
    expect(await region.exists("n")).toBe(0);
  });

  /** As if so many more had been remembered in the one sorted set of this kind, with higher stamps. */
  async function crowd(kind: string, count: number): Promise<string> {
    const [name = ""] = await records.keys(`${kind}*:*`);
    const add = "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], 0, string.format('f%023d', i)) end";
    await records.eval(add, 1, name, count);
    return name;
  }

  it("knows a bounded number of the commands that it has folded: copies of older ones leave nothing", async () => {
    const all = Array.from({ length: 1200 }, (_, index) => command(index + 1, "INCR n"));
    await here.replayer.apply(all.slice(0, 600));
    const folds = await crowd("z", 1023);
    await here.replayer.apply(all.slice(600));
    expect(await region.get("n")).toBe("1200");
    expect(await records.zcard(folds)).toBe(1024);
    expect(await replay(command(600, "INCR n"), command(1200, "INCR n"))).toEqual(["stale", "stale"]);
    expect(await replay(command(1, "INCR n"))).toEqual(["folded"]);
    expect(await region.exists("n")).toBe(0);
  });

  it("runs nothing again on a key whose order has been given up, on a server that is new", async () => {
    const commands = [command(1, "RPUSH a 1 2"), command(2, "RPOPLPUSH a b"), command(3, "RPUSH a 3")];
    expect(await replay(...commands, ...commands)).toEqual([...Array(3).fill("applied"), ...Array(3).fill("stale")]);
    expect(await region.lrange("a", 0, -1)).toEqual(["1", "3"]);
  });

  it("knows a bounded number of commands that ran in the order of their arrival", async () => {
    await replay(command(1, "RPUSH a 1 2 3"), command(2, "RPOPLPUSH a b"), command(3, "RPOPLPUSH a b"));
    const alone = await crowd("s", 65_533);
    expect(await replay(command(4, "RPOPLPUSH a b"), command(2, "RPOPLPUSH a b"))).toEqual(["applied", "stale"]);
    expect(await records.zcard(alone)).toBe(65_536);
    expect(await replay(command(1, "RPUSH a 1 2 3"))).toEqual(["folded"]);
    expect(await region.keys("*")).toEqual(["b"]);
  });

  it("holds nothing where a FLUSHALL belongs among commands that were folded", async () => {
    await here.replayer.apply(Array.from({ length: 600 }, (_, index) => command(index + 1, "INCR n")));
    await replay(command(600, "SET other v"));
    expect(await replay(commandAfter(3, "FLUSHALL"))).toEqual(["applied", "folded"]);
    expect(await region.keys("*")).toEqual(["other"]);
    expect(await replay(command(601, "INCR n"))).toEqual(["held"]);
  });

  it("keeps what was folded since a FLUSHALL that is carried out again", async () => {
    await replay(command(1, "INCR n"), command(700, "SET other v"), command(3, "FLUSHALL"));
    await here.replayer.apply(Array.from({ length: 600 }, (_, index) => command(index + 4, "INCR n")));
    await records.hdel("m", "flushed");
    expect(await replay(command(3, "FLUSHALL"), command(701, "INCR n"))).toEqual(["applied", "applied"]);
    expect(await region.get("n")).toBe("601");
  });

  it("forgets a key where a FLUSHALL belongs among commands that only their sum is known of", async () => {
    await here.replayer.apply(Array.from({ length: 600 }, (_, index) => command(2 * index + 2, "INCR n")));
    await replay(command(1, "SET k v"), command(2000, "SET l v"));
    expect(await replay(command(3, "FLUSHALL"))).toEqual(["applied", "folded"]);
    expect(await region.keys("*")).toEqual(["l"]);
    expect(await replay(command(1300, "INCR n"), command(1301, "SET n 1"), command(1302, "INCR n"))).toEqual([
      "held",
      "applied",
      "applied",
    ]);
  });

  it("goes on with a value too large to be kept for as long as commands come in order", async () => {
    await replay(
      command(1, `SET k ${randomBytes(50_000).toString("hex")}`),
      command(2, "APPEND k w"),
      command(4, "APPEND k x"),
    );
    expect(await region.strlen("k")).toBe(100_002);
    expect(await replay(command(2, "APPEND k w"), command(3, "APPEND k late"))).toEqual(["stale", "folded"]);
    expect(await region.exists("k")).toBe(0);
  });

  it("tells regional writes and evictions from late commands where a value is too large to be kept", async () => {
    const long = randomBytes(50_000).toString("hex");
    await replay(
      ...["a", "b", "c"].flatMap((key) => [command(1, `SET ${key} ${long}`), command(3, `APPEND ${key} w`)]),
    );
    await region.append("a", "regional");
    await region.del("b");
    expect(await replay(...["a", "b"].map((key) => command(4, `APPEND ${key} x`)))).toEqual(["local", "evicted"]);
    expect(await replay(command(2, "APPEND c late"))).toEqual(["folded"]);
  });

  it("lets a value too large to be kept expire before the command that sets its expiry has come", async () => {
    const long = randomBytes(50_000).toString("hex");
    await replay(command(1, `SET k ${long}`), command(2, "APPEND k w"), command(3, "PEXPIRE k 100"));
    expect(await region.exists("k")).toBe(0);
    expect(await replay(command(4, "PEXPIRE k 1000 GT"), command(200, "APPEND k after"))).toEqual(["expired", "held"]);
    await replay(command(301, `SET k ${long}`), command(302, "APPEND k w"), command(303, "PEXPIRE k 100 LT"));
    expect(await replay(command(500, "APPEND k after"), command(501, "APPEND k wards"))).toEqual([
      "applied",
      "applied",
    ]);
    expect(await region.get("k")).toBe("afterwards");
    await replay(command(601, `SET k ${long}`), command(602, "PEXPIRE k 600000"), command(603, "PEXPIRE k 100 GT"));
    expect(await region.pexpiretime("k")).toBe(here.startMs + 600_602);
  });
});
