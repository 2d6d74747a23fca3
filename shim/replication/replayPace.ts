// How much of a replay goes to the server at a time. Clients of database 0 wait behind it: while there are any it goes in
// small portions, which cost some more; while there are none, in large ones.

/** What the server gets at a time. */
export interface Portion {
  /** Steps of one call, at most. */
  readonly steps: number;
  /** Calls under way. While there are two the server is never without one; it runs all that have come before it turns to others. */
  readonly calls: number;
}

/** About half a millisecond of the server's time in each call. */
const LARGE: Portion = { steps: 64, calls: 4 };
const SMALL: Portion = { steps: 16, calls: 2 };
/** Clients that have sent something within this time may be about to send more. */
const COURTESY_MS = 100;

/** See the head of this file. */
export class ReplayPace {
  private seen = 0;
  private courteousUntilMs = 0;

  /** @param regionalCommands - how many commands clients have sent on database 0 so far. */
  constructor(private readonly regionalCommands: () => number) {}

  /** To be asked anew for every call. */
  get portion(): Portion {
    const nowMs = performance.now();
    const commands = this.regionalCommands();
    if (commands !== this.seen) this.courteousUntilMs = nowMs + COURTESY_MS;
    this.seen = commands;
    return nowMs < this.courteousUntilMs ? SMALL : LARGE;
  }
}
