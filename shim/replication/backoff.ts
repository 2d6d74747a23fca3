// How long to wait before trying again: exponential, so that a service in trouble is left alone, and with jitter, so that
// shims do not come back all at once.

import { setTimeout as sleep } from "node:timers/promises";

const FIRST_MS = 50;
const MAX_MS = 5_000;

/** How long to wait before try `attempt` (from 1), in milliseconds. */
export function backOffMs(attempt: number): number {
  return Math.min(MAX_MS, FIRST_MS * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

/** Waits before try `attempt` (from 1). Ends at once, without an error, when the signal aborts. */
export async function backOff(attempt: number, signal: AbortSignal): Promise<void> {
  await sleep(backOffMs(attempt), undefined, { signal }).catch(() => {});
}
