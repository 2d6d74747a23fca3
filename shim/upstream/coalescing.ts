// While many clients wait for the server, the thread sleeps for an instant after it has written to it, as a network card
// holds back interrupts: more requests and more replies have come when it looks again, and one read and one write, here and
// in the server, do for all of them.

/** Fewer would lose more by an instant than sharing saves (docs/performance.md). */
const MANY = 20;
/** Where so many have come in one turn they share already. */
const PLENTY = 32;
/** The least that there is. Linux sleeps for 50 µs longer, the slack of its timers; other systems may for milliseconds. */
const INSTANT_MS = 0.001;

/** Sleep that was not short is given up for a while: some hosts have coarser timers, or no core to wake up on. */
const LONG_MS = 1;
const GIVEN_UP_MS = 100;
/** A turn in which several lanes write has one pause. */
const BETWEEN_MS = 0.05;

const nothing = new Int32Array(new SharedArrayBuffer(4));
const instantsAreShort = process.platform === "linux";
let notBeforeMs = 0;

/**
 * Sleeps where that is worth it.
 *
 * @param waiting - clients that wait for the server.
 * @param added - those of them that have come in this turn of the event loop.
 */
export function pauseForMore(waiting: number, added: number): void {
  if (!instantsAreShort || waiting < MANY || added >= PLENTY) return;
  const beganMs = performance.now();
  if (beganMs < notBeforeMs) return;
  Atomics.wait(nothing, 0, 0, INSTANT_MS);
  const endedMs = performance.now();
  notBeforeMs = endedMs + (endedMs - beganMs > LONG_MS ? GIVEN_UP_MS : BETWEEN_MS);
}
