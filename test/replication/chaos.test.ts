import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { ChaosFabric } from "../../chaos/fabric";
import { type Fault, faults, rules, sabotage } from "../../chaos/faults";
import { schedule, shrink } from "../../chaos/schedule";
import { describeWithServer } from "../support/servers";

const COMMANDS = 80;

describeWithServer("chaos", () => {
  let fabric: ChaosFabric;

  beforeAll(async () => {
    fabric = await ChaosFabric.start();
  });

  afterAll(() => fabric.stop());

  async function diverging(seeds: readonly number[]): Promise<number> {
    let count = 0;
    for (const seed of seeds) {
      const { divergences, missing } = await fabric.run(schedule(seed, COMMANDS));
      if (divergences.length + missing > 0) count += 1;
    }
    return count;
  }

  it("finds every region equal to the model, or with nothing where that is allowed", async () => {
    for (let seed = 1; seed <= 9; seed += 1) {
      const { divergences, missing, compared } = await fabric.run(schedule(seed, COMMANDS));
      expect({ seed, divergences, missing }).toEqual({ seed, divergences: [], missing: 0 });
      expect(compared).toBeGreaterThan(0);
    }
  });

  it.each(["no-journal", "last-writer-wins"] as const)("finds divergence under the rule %s", async (rule) => {
    const undo = sabotage(rules[rule]);
    try {
      expect(await diverging([3, 6])).toBeGreaterThan(0);
    } finally {
      undo();
    }
  });

  it("finds a replay that applies old overwrites", async () => {
    const undo = sabotage(faults["applies-old-overwrites"]);
    try {
      expect(await diverging([3, 6])).toBeGreaterThan(0);
    } finally {
      undo();
    }
  });

  it.each(Object.keys(faults) as Fault[])("knows where to put the fault %s", async (fault) => {
    const undo = sabotage(faults[fault]);
    try {
      await fabric.run(schedule(1, 0));
    } finally {
      undo();
    }
  });

  it("leaves out what a failing schedule does not need", async () => {
    const needed = schedule(1, 40).steps.filter((_, index) => index === 7 || index === 23);
    const smallest = await shrink(schedule(1, 40), async ({ steps }) =>
      needed.every((step) => steps.some((each) => JSON.stringify(each) === JSON.stringify(step))),
    );
    expect(smallest.steps).toEqual(needed);
  });
});
