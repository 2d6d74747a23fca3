// All lanes of a shim: shared ones in slots, a few for each protocol version, and private ones. A slot whose cluster
// cannot be reached says so at once and reconnects by itself.
import type { LookupFunction } from "node:net";
import type { Logger } from "pino";
import type { ClusterAddress } from "../configuration";
import type { Protocol } from "../resp/encoder";
import { Lane, type LaneEvents, SilenceError, unreachableText } from "./lane";

/** How the pool makes lanes. */
export interface LanePoolOptions {
  readonly address: ClusterAddress;
  /** Shared lanes for each protocol version. */
  readonly lanesPerProtocol: number;
  /** Whether lanes may pause: see coalescing.ts. @default true */
  readonly coalesce?: boolean | undefined;
  /** Lanes that serve one session each, at most. */
  readonly maxPrivateLanes: number;
  /** Silence, while something is in flight, after which a lane is given up. */
  readonly timeoutMs: number;
  /** Finds the cluster's address by its name. @default the system's resolver */
  readonly lookup?: LookupFunction;
  readonly log: Logger;
}

/** One shared lane and what becomes of it when it is lost. */
interface Slot {
  lane: Lane | undefined;
  /** Attempts since the last open lane. */
  failures: number;
  /** And those before it, which count on where it is lost at once. */
  earlierFailures: number;
  /** Runs while an open lane may yet turn out to be closed at once. */
  settling: NodeJS.Timeout | undefined;
  /** Whether a lane that is not open yet is worth waiting for. */
  hopeful: boolean;
  retry: NodeJS.Timeout | undefined;
}

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2000;
const MAX_IDLE_LANES = 16;
const DEMOTION_PAUSE_MS = 1000;

export class LanePool {
  /** Push frames that came from the cluster and belong to no request. */
  pushes = 0;
  /** Lanes lost after they had been open. */
  losses = 0;

  private readonly slots: Readonly<Record<Protocol, readonly Slot[]>>;
  private readonly idle: Readonly<Record<Protocol, Set<Lane>>> = { 2: new Set(), 3: new Set() };
  private readonly privateLanes = new Set<Lane>();
  /** Shared ones that are left to who reads a large reply, or whose server is no primary any more. */
  private readonly retired = new Set<Lane>();
  private nextSlot = 0;
  private demotedAt = Number.NEGATIVE_INFINITY;
  private closed = false;

  constructor(private readonly options: LanePoolOptions) {
    const slots = (): Slot[] =>
      Array.from({ length: options.lanesPerProtocol }, () => ({
        lane: undefined,
        failures: 0,
        earlierFailures: 0,
        settling: undefined,
        hopeful: true,
        retry: undefined,
      }));
    this.slots = { 2: slots(), 3: slots() };
  }

  /** A number by which a new session is spread over the slots. */
  assignSlot(): number {
    return this.nextSlot++;
  }

  /**
   * The shared lane of a slot.
   *
   * @returns undefined while the cluster cannot be reached
   */
  shared(protocol: Protocol, slotNumber: number): Lane | undefined {
    const slots = this.slots[protocol];
    const slot = slots[slotNumber % slots.length];
    if (!slot || this.closed) return undefined;
    if (!slot.lane && !slot.retry) this.connect(slot, protocol);
    return slot.hopeful || slot.lane?.state === "open" ? slot.lane : undefined;
  }

  /**
   * A lane that no other session uses; {@link release} gives it back. While nothing is in flight on it, it may be closed to
   * make room for others'.
   *
   * @returns the lane, or the text of the error where there is none to be had
   */
  acquire(protocol: Protocol, slotNumber: number): Lane | string {
    if (!this.shared(protocol, slotNumber)) return unreachableText;
    const [idle] = this.idle[protocol];
    if (idle) {
      this.idle[protocol].delete(idle);
      return idle;
    }
    const { maxPrivateLanes } = this.options;
    if (this.full) this.makeRoom();
    if (this.full) {
      return `ERR too many commands that need a connection of their own at once (at most ${maxPrivateLanes}), try again later`;
    }
    const lane = this.open(protocol, {
      ready: () => undefined,
      lost: (lost, reason) => {
        this.privateLanes.delete(lost);
        this.idle[protocol].delete(lost);
        if (reason instanceof SilenceError) this.onSilence(reason.since);
      },
      large: () => undefined,
      demoted: () => this.onDemoted(),
    });
    lane.exclusive = true;
    this.privateLanes.add(lane);
    return lane;
  }

  /** Takes a private lane back: kept for the next one if nothing is in flight on it, closed otherwise. */
  release(lane: Lane, protocol: Protocol): void {
    lane.blocksMs = 0;
    if (lane.busy || lane.retiring || this.closed || this.idle[protocol].size >= MAX_IDLE_LANES) lane.destroy();
    else if (lane.state !== "closed") this.idle[protocol].add(lane);
  }

  /**
   * After a failover the cluster's name leads to another server: all lanes are made anew. Not more often than once a
   * second, for a cluster that stays read-only would have them made anew by every write.
   */
  onDemoted(): void {
    const now = performance.now();
    if (now - this.demotedAt < DEMOTION_PAUSE_MS) return;
    this.demotedAt = now;
    this.options.log.warn("the cluster's server has become a replica: connecting anew");
    for (const slot of this.allSlots()) if (slot.lane) this.replace(slot, slot.lane);
    for (const lane of this.privateLanes) lane.retire();
  }

  /**
   * Lanes on which silence means nothing may lead to the same dead host, where they would hang those who use them: the
   * idle ones are not used again, and who is blocked gets an error where nothing was heard since then either.
   *
   * @param since milliseconds of `performance.now()`
   */
  onSilence(since: number): void {
    for (const lane of [...this.privateLanes]) {
      if (!lane.busy || (lane.blocked && lane.heardAt < since)) lane.destroy(new Error("another lane fell silent"));
    }
  }

  /** Closes every lane; what is in flight is answered with errors. */
  close(): void {
    this.closed = true;
    for (const slot of this.allSlots()) {
      clearTimeout(slot.retry);
      clearTimeout(slot.settling);
      slot.lane?.destroy();
    }
    for (const lane of this.privateLanes) lane.destroy();
  }

  /** Closes a private lane that is not in use: an idle one of whatever protocol, or else one that a session holds. */
  private makeRoom(): void {
    for (const idle of [this.idle[2], this.idle[3], this.privateLanes]) {
      for (const lane of idle) {
        if (lane.busy) continue;
        lane.destroy();
        return;
      }
    }
  }

  private open(protocol: Protocol, events: Omit<LaneEvents, "push">): Lane {
    const { address, coalesce, timeoutMs, lookup } = this.options;
    const push = (): void => {
      this.pushes++;
    };
    return new Lane(
      { address, protocol, coalesce, lookup, connectTimeoutMs: CONNECT_TIMEOUT_MS, timeoutMs },
      { ...events, push },
    );
  }

  private connect(slot: Slot, protocol: Protocol): void {
    slot.retry = undefined;
    slot.lane = this.open(protocol, {
      ready: () => {
        slot.earlierFailures = slot.failures;
        slot.failures = 0;
        slot.hopeful = true;
        clearTimeout(slot.settling);
        slot.settling = setTimeout(() => this.settle(slot, protocol), LAST_RETRY_MS).unref();
      },
      lost: (lane, reason) => this.onLost(slot, protocol, lane, reason),
      // Others must not wait behind it: they get a fresh lane, and this one is left to its reader. Where no more lanes are to
      // be had they wait, as long as the reader's output limit lets them.
      large: (lane) => this.full || this.replace(slot, lane),
      demoted: () => this.onDemoted(),
    });
  }

  private replace(slot: Slot, lane: Lane): void {
    if (slot.lane !== lane) return;
    slot.lane = undefined;
    this.retired.add(lane);
    lane.retire();
  }

  /** Whether as many lanes serve one session each as may. */
  private get full(): boolean {
    return this.privateLanes.size + this.retired.size >= this.options.maxPrivateLanes;
  }

  private settle(slot: Slot, protocol: Protocol): void {
    slot.settling = undefined;
    if (slot.earlierFailures > 0) this.options.log.info({ protocol }, "the cluster can be reached again");
    slot.earlierFailures = 0;
  }

  private allSlots(): readonly Slot[] {
    return [...this.slots[2], ...this.slots[3]];
  }

  private onLost(slot: Slot, protocol: Protocol, lane: Lane, reason: Error): void {
    const silent = reason instanceof SilenceError;
    if (silent) this.onSilence(reason.since);
    this.retired.delete(lane);
    if (slot.lane !== lane || this.closed) return;
    slot.lane = undefined;
    // A server that closes each connection as soon as it is open would else be asked without a pause.
    if (lane.opened && !lane.answered && slot.settling) slot.failures = slot.earlierFailures;
    clearTimeout(slot.settling);
    slot.settling = undefined;
    slot.failures++;
    // A server that closed a connection is often there for the next one; after anything else there is an error at once until
    // a lane is open again.
    slot.hopeful = lane.opened && !silent;
    if (lane.opened) this.losses++;
    // One warning an outage; what the retries meet is for those who look closer.
    const level = slot.failures === 1 ? "warn" : "debug";
    this.options.log[level]({ protocol, reason: reason.message }, "lost a lane to the cluster");
    if (slot.failures === 1) {
      this.connect(slot, protocol);
      return;
    }
    const delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (slot.failures - 2));
    slot.retry = setTimeout(() => this.connect(slot, protocol), delayMs * (0.5 + Math.random() / 2)).unref();
  }
}
