import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { BufferPool, LARGE_BUFFER_BYTES, Scratch } from "../shim/buffers";

describe("a pool of buffers", () => {
  test("gives again what it was given, as many as it may keep, and none that is too small", () => {
    const pool = new BufferPool(1);
    const [first, second] = [pool.take(LARGE_BUFFER_BYTES), pool.take(LARGE_BUFFER_BYTES)];
    expect(first).not.toBe(second);
    pool.give(first);
    pool.give(second);
    expect(pool.take(LARGE_BUFFER_BYTES)).toBe(first);
    expect(pool.take(LARGE_BUFFER_BYTES)).not.toBe(second);
    pool.give(first);
    expect(pool.take(LARGE_BUFFER_BYTES + 1)).toHaveLength(LARGE_BUFFER_BYTES + 1);
  });

  test("keeps no small one", () => {
    const pool = new BufferPool(1);
    const small = pool.take(LARGE_BUFFER_BYTES - 1);
    pool.give(small);
    expect(pool.take(1)).not.toBe(small);
  });
});

test("what is joined has the parts' bytes alone, however much there was before", () => {
  const scratch = new Scratch();
  expect(String(scratch.join(Buffer.from("much more"), Buffer.from("than before")))).toBe("much morethan before");
  expect(String(scratch.join(Buffer.from("a"), Buffer.from(""), Buffer.from("b")))).toBe("ab");
});

test("garbage is looked for after so many bytes, and no sooner, without memory for it", async () => {
  const program = `
    const { GarbageHint } = require(${JSON.stringify(resolve(__dirname, "../shim/dist/buffers"))});
    const { PerformanceObserver, constants } = require("node:perf_hooks");
    const { setTimeout: sleep } = require("node:timers/promises");
    let collections = 0;
    new PerformanceObserver((list) => {
      collections += list.getEntries().filter(({ detail }) => detail.kind !== constants.NODE_PERFORMANCE_GC_MINOR).length;
    }).observe({ entryTypes: ["gc"] });
    (async () => {
      const hint = new GarbageHint(1000);
      hint.passed(999);
      await sleep(100);
      const before = collections;
      const residentBytes = process.memoryUsage.rss();
      for (let tries = 0; collections === before && tries < 500; tries += 1) {
        hint.passed(1000);
        await sleep(10);
      }
      console.log(JSON.stringify([before, collections > before, process.memoryUsage.rss() - residentBytes < 32 * 2 ** 20]));
    })();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program]);
  expect(JSON.parse(stdout)).toEqual([0, true, true]);
});
