import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { fails, mistakes, runCampaign } from "../../chaos/campaign";
import { PURGES_KEPT } from "../../chaos/commands";
import { ChaosFabric } from "../../chaos/fabric";
import { faults, rules, sabotage } from "../../chaos/faults";
import { type Schedule, type Step, schedule, shrink } from "../../chaos/schedule";
import { describeWithServer } from "../support/servers";

const STEPS = 80;

describeWithServer("chaos", () => {
  let fabric: ChaosFabric;

  beforeAll(async () => {
    fabric = await ChaosFabric.start();
  });

  afterAll(() => fabric.stop());

  function scheduleOf(seed: number, steps: number): Schedule {
    return schedule(seed, steps, fabric.commands);
  }

  it("finds every region equal to the model, or with nothing where that is allowed", async () => {
    let compared = 0;
    for (let seed = 1; seed <= 9; seed += 1) {
      const result = await fabric.run(scheduleOf(seed, STEPS));
      const { divergences, missing } = result;
      expect({ seed, divergences, missing }).toEqual({ seed, divergences: [], missing: 0 });
      compared += result.compared;
    }
    // Of a schedule there may be none of which something is promised.
    expect(compared).toBeGreaterThan(0);
  });

  it.each(["no-journal", "last-writer-wins", "applies-old-overwrites", "leaves-expiries-moved"] as const)(
    "finds what %s does",
    async (under) => {
      const failed: number[] = [];
      const tally = await runCampaign(
        fabric,
        { under, seed: 3, schedules: 4, steps: STEPS },
        async ({ seed }, result) => {
          expect(fails(result)).toBe(true);
          failed.push(seed);
        },
      );
      expect(tally.diverged).toBeGreaterThan(0);
      expect(failed).toHaveLength(tally.diverged);
    },
  );

  const write = (region: number, line: string): Step => ({ kind: "write", region, shim: 0, line });
  const upload = (line: string, leaves = false): Step => {
    return { kind: "upload", region: 0, shim: 0, line, pieces: 4, leaves };
  };
  const pause: Step = { kind: "pause", ms: 5 };
  const age: Step = { kind: "age", full: false };

  function run(...steps: readonly Step[]) {
    return fabric.run({ seed: 1, skewsMs: [0, 0, 0], steps });
  }

  it("compares when keys expire, and passes over those that have", async () => {
    const timed = [write(0, "SET key0 v EX 600"), write(1, "EXPIRE key0 900 GT"), write(0, "RPUSH key2 a")];
    const [later, kept] = [write(0, "EXPIREAT key2 4102444800"), write(1, "SETRANGE key0 0 w")];
    const gone = write(2, "SET key1 v PX 1");
    // What is replayed everywhere is older than all that follows, whatever the clocks say.
    expect(await run(...timed, { kind: "rest" }, later, kept, gone)).toMatchObject({ divergences: [], expiring: 6 });
  });

  it("sees a large command whole, or not at all where its shim dies or its client leaves in the middle", async () => {
    const lines = ["SET large0 @4000.1", "HSET large1 #fields.45.1"];
    const arriving = lines.map((line) => upload(line));
    expect(await run(...arriving, pause, pause, pause, pause)).toMatchObject({ divergences: [], missing: 0, large: 2 });
    const kill: Step = { kind: "kill", region: 0, shim: 0 };
    expect(await run(...arriving, pause, kill, pause)).toMatchObject({ divergences: [], missing: 0, large: 0 });
    const leaving = lines.map((line) => upload(line, true));
    expect(await run(...leaving, pause, pause, pause)).toMatchObject({ divergences: [], missing: 0, large: 0 });
  });

  it("has a command in slices fail as a whole", async () => {
    const [before, refused] = [write(0, "ZADD large4 1 a"), write(1, "ZADD large4 #points.1100.1 x last")];
    expect(await run(before, rest, refused)).toMatchObject({ divergences: [], missing: 0, absent: 0, large: 1 });
  });

  it("drops records while all regions are heard of, and none while one is cut off", async () => {
    const before = [write(0, "SET key0 v"), write(1, "RPUSH key2 a"), write(2, "SET large0 @4000.1")];
    const after = [write(1, "APPEND key0 w"), write(2, "RPUSH key2 b"), write(0, "APPEND large0 @3000.2")];
    const cut: Step = { kind: "cut", region: 1 };
    const heard = await run(...before, rest, age, age, age, ...after, rest, age);
    expect(heard).toMatchObject({ divergences: [], absent: 0, dropped: 12 });
    const unheard = await run(rest, age, cut, ...before, age, ...after, age, age);
    expect(unheard).toMatchObject({ divergences: [], absent: 0, dropped: 3 });
  });

  const rest: Step = { kind: "rest" };
  const old = [write(1, "SET key0 v"), write(1, "RPUSH key2 a"), write(1, "SET key1 v")];

  it("knows what a purge deletes, and what it spares, in whatever order it comes", async () => {
    const purge = write(0, "FLY.PURGE key[02]");
    const newer = [write(0, "APPEND key0 w"), write(0, "INCR counter")];
    // What the region that is cut off had written before comes after the purge.
    const late: readonly Step[] = [rest, { kind: "cut", region: 1 }, ...old, pause, purge, ...newer, pause];
    expect(await run(...late, { kind: "heal" }, rest)).toMatchObject({ divergences: [], absent: 0 });
    const undo = sabotage(faults["forgets-purges"]);
    try {
      const { divergences } = await run(...late, { kind: "heal" }, rest);
      expect(divergences.map(({ key }) => key)).toContain("key2");
    } finally {
      undo();
    }
  });

  it("lets nothing be missing after a purge but what is older than one that was forgotten", async () => {
    const purges = Array.from({ length: PURGES_KEPT + 1 }, (_, index) => write(0, `FLY.PURGE none${index}`));
    const inTime = await run(rest, ...old, rest, ...purges, rest);
    expect(inTime).toMatchObject({ divergences: [], absent: 0 });
    const late = await run(rest, { kind: "cut", region: 1 }, ...old, pause, ...purges, pause, { kind: "heal" }, rest);
    expect(late.divergences).toEqual([]);
    expect(late.absent).toBeGreaterThan(0);
  });

  it("counts the increments that last-writer-wins loses", async () => {
    const steps = Array.from({ length: 30 }, (_, index) => {
      return { kind: "write", region: index % 3, shim: 0, line: "INCR counter" } as const;
    });
    const concurrent: Schedule = { seed: 1, skewsMs: [0, 2000, 0], steps };
    expect(await fabric.run(concurrent)).toMatchObject({ divergences: [], lostIncrements: 0 });
    const undo = sabotage(rules["last-writer-wins"]);
    try {
      expect((await fabric.run(concurrent)).lostIncrements).toBeGreaterThan(0);
    } finally {
      undo();
    }
  });

  it.each(mistakes)("knows where to put the mistake %s", async (under) => {
    await runCampaign(fabric, { under, seed: 1, schedules: 1, steps: 0 });
  });

  it("leaves out what a failing schedule does not need", async () => {
    const schedule = scheduleOf(1, 40);
    const texts = schedule.steps.map((step) => JSON.stringify(step));
    const unique = schedule.steps.filter(
      (_, index) => texts.indexOf(texts[index]!) === texts.lastIndexOf(texts[index]!),
    );
    const needed = [unique[3]!, unique.at(-3)!];
    const smallest = await shrink(schedule, async ({ steps }) =>
      needed.every((step) => steps.some((each) => JSON.stringify(each) === JSON.stringify(step))),
    );
    expect(smallest.steps).toEqual(needed);
  });
});
