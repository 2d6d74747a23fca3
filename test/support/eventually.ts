// Waits for what comes about by itself, such as a replay in another region.
import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until an assertion holds; after ten seconds its last failure is thrown. */
export async function eventually<Result>(assertion: () => Promise<Result> | Result): Promise<Result> {
  const giveUpAt = performance.now() + 10_000;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(10);
    }
  }
}
