// What a shim has counted since it started. Plain numbers, because they are raised on the hot path; metrics read them
// when they are asked for.

/** Memory for one number that other threads can see. */
export function sharedNumber(): SharedArrayBuffer {
  return new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
}

export class Counters {
  /** Client connections accepted. */
  connections = 0;
  /** Client connections turned away because there were too many. */
  rejected = 0;
  /** Commands answered by the shim. */
  local = 0;
  /** Commands refused by policy. */
  refused = 0;
  /** Reads on database 1, answered OK and not sent. */
  acknowledged = 0;
  /** Clients disconnected because they read too slowly, or sent too much behind a command that blocks. */
  overflows = 0;

  private readonly shared: Float64Array;

  /** @param forwarded - where the commands passed on are counted. */
  constructor(forwarded = sharedNumber()) {
    this.shared = new Float64Array(forwarded);
  }

  /** Commands passed on to the cluster. */
  get forwarded(): number {
    return this.shared[0] ?? 0;
  }

  set forwarded(count: number) {
    this.shared[0] = count;
  }
}
