// What a shim has counted since it started. Plain numbers, because they are raised on the hot path; metrics read them
// when they are asked for.

export interface Counters {
  /** Client connections accepted. */
  connections: number;
  /** Client connections turned away because there were too many. */
  rejected: number;
  /** Commands passed on to the cluster. */
  forwarded: number;
  /** Commands answered by the shim. */
  local: number;
  /** Commands refused by policy. */
  refused: number;
  /** Reads on database 1, answered OK and not sent. */
  acknowledged: number;
  /** Clients disconnected because they read too slowly, or sent too much behind a command that blocks. */
  overflows: number;
}

/** Memory for one number that other threads can see. */
export function sharedNumber(): SharedArrayBuffer {
  return new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
}

/** @param forwarded - where the commands passed on are counted. */
export function newCounters(forwarded = sharedNumber()): Counters {
  const shared = new Float64Array(forwarded);
  return {
    connections: 0,
    rejected: 0,
    get forwarded() {
      return shared[0] ?? 0;
    },
    set forwarded(count) {
      shared[0] = count;
    },
    local: 0,
    refused: 0,
    acknowledged: 0,
    overflows: 0,
  };
}
