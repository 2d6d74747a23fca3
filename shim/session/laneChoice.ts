// Which lane a session's next command goes over, under the lane-change rule: to another lane than the commands before it
// only after all of those were answered.
import type { Protocol } from "../resp/encoder";
import { type Lane, unreachableText } from "../upstream/lane";
import type { LanePool } from "../upstream/lanePool";
import type { Outlet } from "./outlet";

/** How long a session keeps a lane of its own after a large reply. */
const PRIVATE_MS = 5000;
/** And how long after the last command that needed one, for the next is often such a one too; looked at once in this time. */
const GRACE_MS = 1000;

export class LaneChoice {
  private readonly slot: number;
  /** A lane that no other session uses. */
  private own: Lane | undefined;
  private ownProtocol: Protocol = 2;
  /** Until then all commands go over the own lane; on the clock of `performance.now()`. */
  private privateUntil = 0;
  private watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly pool: LanePool,
    private readonly outlet: Outlet,
  ) {
    this.slot = pool.assignSlot();
  }

  /**
   * The lane for the next command.
   *
   * @param alone whether the command needs a lane that no other session uses
   * @returns the text of an error where there is none to be had; undefined where the command must wait until nothing is
   *   in flight
   */
  choose(protocol: Protocol, alone: boolean): Lane | string | undefined {
    const privately = alone || (this.privateUntil > 0 && this.privateUntil > performance.now());
    // A lane of its own that is busy in the other protocol, or that is to close, must be done first.
    if (privately && this.own?.busy && (this.own.retiring || this.ownProtocol !== protocol)) return undefined;
    const own = privately ? this.ownLane(protocol) : undefined;
    // Where no more lanes are to be had, only a command that needs one fails.
    const shared = own === undefined || (typeof own === "string" && !alone);
    const lane = shared ? (this.pool.shared(protocol, this.slot) ?? unreachableText) : own;
    if (typeof lane === "string") return lane;
    if (this.outlet.inFlight > 0 && (this.outlet.holding || this.outlet.lane !== lane)) return undefined;
    if (this.own !== lane) this.release();
    return lane;
  }

  /** Whether a command in flight blocks, or is not there as a whole. */
  get blocked(): boolean {
    return this.own?.blocked === true;
  }

  /** A large reply has come: for some seconds the session's next ones shall not hold up others. */
  preferPrivate(): void {
    this.privateUntil = performance.now() + PRIVATE_MS;
  }

  /** Gives the lane of its own back. */
  release(): void {
    if (this.own) this.pool.release(this.own, this.ownProtocol);
    this.own = undefined;
  }

  private ownLane(protocol: Protocol): Lane | string {
    if (this.own?.state === "closed" || this.own?.retiring || this.ownProtocol !== protocol) this.release();
    if (!this.own) {
      const lane = this.pool.acquire(protocol, this.slot);
      if (typeof lane === "string") return lane;
      this.own = lane;
      this.ownProtocol = protocol;
    }
    if (this.watch) this.watch.refresh();
    else this.watch = setTimeout(() => this.releaseIdle(), GRACE_MS).unref();
    return this.own;
  }

  /** A session that falls silent must not keep a lane that others need. */
  private releaseIdle(): void {
    const needed = this.own?.busy || this.privateUntil > performance.now();
    if (this.own && needed) this.watch?.refresh();
    else this.release();
  }
}
