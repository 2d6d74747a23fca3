// One client's commands on database 0: they go to the region's cluster, as many in a row as can in one piece.
//
// Invariant: none is sent before what this client wrote on database 1 is replayed at home.
import type { CommandEntry } from "../commands/commandTable";
import type { LocalSession } from "../commands/local";
import { encodeError } from "../resp/encoder";
import type { Lane } from "../upstream/lane";
import type { Inlet } from "./inlet";
import { LaneChoice } from "./laneChoice";
import { type LargeRequest, toLane } from "./largeRequest";
import type { Outlet } from "./outlet";
import type { SessionServices } from "./services";
import type { VirtualCommands } from "./virtualCommands";

/** What these commands ask of their session. */
export interface ForwardingSession extends LocalSession {
  readonly inlet: Inlet;
  readonly outlet: Outlet;
  readonly virtual: VirtualCommands;
  /** The client has closed its half. */
  readonly ended: boolean;
  /** Tries again what had to wait. */
  goOn(): void;
  /** Takes no more, and closes once everything so far was answered. */
  leave(): void;
}

/** Commands in a row that go to one shared lane in one piece. */
interface Run {
  readonly lane: Lane;
  /** Earlier chunks' bytes of the first. */
  readonly head: readonly Buffer[];
  readonly start: number;
  end: number;
  count: number;
}

export class RegionalCommands {
  readonly lanes: LaneChoice;

  private readonly inlet: Inlet;
  private readonly outlet: Outlet;
  private run: Run | undefined;

  constructor(
    private readonly session: ForwardingSession,
    private readonly services: SessionServices,
  ) {
    this.inlet = session.inlet;
    this.outlet = session.outlet;
    this.lanes = new LaneChoice(services.pool, this.outlet);
  }

  /** Adds the command that just ended to the run; its bytes are not touched. @returns false where it has to wait */
  extendRun(): boolean {
    const { run } = this;
    const { scanner } = this.inlet;
    if (run) {
      run.count++;
      run.end = scanner.end;
      return true;
    }
    const lane = this.outlet.full ? undefined : this.chooseLane();
    if (lane === undefined) return false;
    if (typeof lane === "string") this.outlet.answer(encodeError(lane));
    else this.run = { lane, head: this.inlet.held, start: scanner.start, end: scanner.end, count: 1 };
    return true;
  }

  sendRun(): void {
    const { run } = this;
    if (!run) return;
    this.run = undefined;
    this.services.counters.forwarded += run.count;
    const { chunk } = this.inlet;
    const all = run.start === 0 && run.end === chunk.length;
    const bytes = all ? chunk : chunk.subarray(run.start, run.end);
    this.send(run.lane, run.count, run.head.length > 0 ? [...run.head, bytes] : [bytes]);
  }

  /**
   * Forwards one command by itself.
   *
   * @param blocksMs how long it may block by its own word
   * @returns false where it has to wait
   */
  forward(frame: Buffer, blocksMs = 0): boolean {
    const lane = this.chooseLane(blocksMs > 0);
    if (lane === undefined) return false;
    if (blocksMs > 0 && this.session.ended) {
      // Nobody would wait for it.
      this.session.leave();
    } else if (typeof lane === "string") {
      this.outlet.answer(encodeError(lane));
    } else {
      this.services.counters.forwarded++;
      this.send(lane, 1, [frame], blocksMs);
    }
    return true;
  }

  /**
   * Forwards a command too large to be gathered, as it comes.
   *
   * @returns the text of an error where there is no lane; undefined where it has to wait
   */
  stream({ regional }: CommandEntry): LargeRequest | string | undefined {
    const lane = this.chooseLane(true);
    if (lane === undefined || typeof lane === "string") return lane;
    this.send(lane, 1, this.inlet.held);
    return toLane(lane, regional !== "forward", this.outlet);
  }

  private send(lane: Lane, count: number, requests: readonly Buffer[], blocksMs = 0): void {
    lane.blocksMs = this.outlet.inFlight > 0 ? Math.max(lane.blocksMs, blocksMs) : blocksMs;
    this.outlet.send(lane, count, requests);
    this.inlet.pauseWhileCongested(lane);
  }

  /** As {@link LaneChoice.choose}; what this client wrote on database 1 must be there before database 0 is asked. */
  private chooseLane(alone = false): Lane | string | undefined {
    const { virtual, protocol } = this.session;
    if (virtual.atHome) return this.lanes.choose(protocol, alone);
    virtual.onceAtHome(() => this.session.goOn());
    return undefined;
  }
}
