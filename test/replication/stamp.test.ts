import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Redis } from "ioredis";
import { Clock, MAX_AHEAD_MS, parseStamp, type Stamp, stampText } from "../../shim/replication/stamp";

const stamps: fc.Arbitrary<Stamp> = fc.record({
  ms: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  counter: fc.integer({ min: 0, max: 0xffff }),
  origin: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

describe("stamp text", () => {
  it("is 24 lower-case hexadecimal digits, and reads back", () => {
    expect(stampText({ ms: 1, counter: 2, origin: 0xdeadbeef })).toBe("0000000000010002deadbeef");
    fc.assert(fc.property(stamps, (stamp) => expect(parseStamp(stampText(stamp))).toEqual(stamp)));
  });

  it("sorts as time, then counter, then origin", () => {
    fc.assert(
      fc.property(stamps, stamps, (a, b) => {
        const order = a.ms - b.ms || a.counter - b.counter || a.origin - b.origin;
        expect(stampText(a) < stampText(b)).toBe(order < 0);
      }),
    );
  });

  it.each(["", "0".repeat(23), "0".repeat(25), `${"0".repeat(23)}A`, `${"0".repeat(23)}g`])("refuses %j", (text) => {
    expect(parseStamp(text)).toBeUndefined();
  });
});

describe("clock", () => {
  it("issues ever higher stamps, within a millisecond and past a full counter", () => {
    const clock = new Clock(7, () => 0);
    let last = "";
    for (let count = 0; count < 0x10002; count += 1) {
      const text = stampText(clock.next());
      expect(text > last).toBe(true);
      last = text;
    }
  });

  it("never issues a stamp at or below one it has observed", () => {
    const clock = new Clock(0, () => 0);
    const seen = { ms: clock.nowMs() + 5000, counter: 9, origin: 0xffffffff };
    expect(clock.observe(seen)).toBe(true);
    expect(stampText(clock.next()) > stampText(seen)).toBe(true);
    expect(clock.observe({ ms: 1, counter: 0, origin: 1 })).toBe(true);
    expect(stampText(clock.next()) > stampText(seen)).toBe(true);
  });

  it("rejects a stamp more than two minutes ahead", () => {
    const clock = new Clock(0, () => 0);
    const ahead = { ms: clock.nowMs() + MAX_AHEAD_MS + 1, counter: 0, origin: 1 };
    expect(clock.observe(ahead)).toBe(false);
    expect(clock.next().ms).toBeLessThan(ahead.ms);
    expect(clock.ceiling().ms).toBeLessThan(ahead.ms);
  });

  it("takes the stamps of a clock that follows another's, where it is behind both, and follows neither", async () => {
    const nowMs = 1_800_000_000_000;
    const clockAt = async (ms: number, origin: number) => {
      const clock = new Clock(origin, () => 0);
      await clock.sample({ time: async () => [Math.floor(ms / 1000), (ms % 1000) * 1000] } as unknown as Redis);
      return clock;
    };
    const [ahead, right, behind] = await Promise.all([
      clockAt(nowMs + 59_000, 1),
      clockAt(nowMs, 2),
      clockAt(nowMs - 2000, 3),
    ]);
    expect(right.observe(ahead.next())).toBe(true);
    const following = right.next();
    expect(following.ms).toBe(nowMs + 59_000);
    expect(behind.observe(following)).toBe(true);
    expect(behind.next().ms).toBe(nowMs - 2000);
    // Should its server lose its memory, what was applied there is below.
    expect(behind.ceiling().ms).toBe(following.ms);
  });

  it("does not take others to be as far ahead as before once it has jumped ahead itself", async () => {
    const clock = new Clock(0, () => 0);
    const nowMs = clock.nowMs();
    clock.observe({ ms: nowMs + 700, counter: 0, origin: 1 });
    expect(clock.ceiling().ms).toBe(nowMs + 700);
    const aheadMs = nowMs + 600;
    const time = async () => [Math.floor(aheadMs / 1000), (aheadMs % 1000) * 1000];
    await clock.sample({ time } as unknown as Redis);
    expect(clock.ceiling().ms).toBe(nowMs + 700);
  });
});
