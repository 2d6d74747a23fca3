import { describe, expect, it } from "@jest/globals";
import { backOff, backOffMs } from "../../shim/replication/backoff";

/** The shortest and the longest of many waits. */
function range(attempt: number): { readonly leastMs: number; readonly mostMs: number } {
  const waits = Array.from({ length: 1000 }, () => backOffMs(attempt));
  return { leastMs: Math.min(...waits), mostMs: Math.max(...waits) };
}

describe("the wait before another try", () => {
  it("doubles from try to try, up to five seconds", () => {
    for (const [attempt, fullMs] of [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000].entries()) {
      const { leastMs, mostMs } = range(attempt + 1);
      expect(leastMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(mostMs).toBeLessThanOrEqual(fullMs);
    }
    expect(range(10_000).mostMs).toBeLessThanOrEqual(5000);
  });

  it("spreads over half of itself, so that those that failed together do not come back together", () => {
    const { leastMs, mostMs } = range(20);
    expect(leastMs).toBeLessThan(2600);
    expect(mostMs).toBeGreaterThan(4900);
  });

  it("ends at once when it is given up, before or meanwhile", async () => {
    const giveUp = new AbortController();
    const waits = [backOff(1_000_000, giveUp.signal)];
    giveUp.abort();
    waits.push(backOff(1_000_000, giveUp.signal));
    const turn = new Promise((resolve) => setImmediate(resolve, "still waiting"));
    expect(await Promise.race([Promise.all(waits), turn])).toEqual([undefined, undefined]);
  });
});
