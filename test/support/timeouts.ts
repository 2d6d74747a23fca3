// Time that passes when a test says so, for what is bounded by minutes.
import { jest } from "@jest/globals";

/** From now on `setTimeout` waits until {@link pass}; all else goes on as ever. */
export function holdTimeouts(): void {
  jest.useFakeTimers({
    doNotFake: [
      "Date",
      "hrtime",
      "nextTick",
      "performance",
      "queueMicrotask",
      "setImmediate",
      "clearImmediate",
      "setInterval",
      "clearInterval",
    ],
  });
}

/** Lets time pass. */
export function pass(ms: number): void {
  jest.advanceTimersByTime(ms);
}

export function releaseTimeouts(): void {
  jest.useRealTimers();
}
