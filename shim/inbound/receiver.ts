// Takes deliveries from the region's queue and holds each until it is handled. Requests cost money and memory is bounded:
// receives are spaced while few deliveries come and overlap while many wait, and end while too much is held. A delivery that
// takes long is kept from the region's other shims.

import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Delivery, Queue } from "../bus/bus";
import { backOff } from "../replication/backoff";

/** What a {@link Receiver} needs. */
export interface ReceiverOptions {
  readonly queue: Queue;
  /** Settles once deliveries can be handled: nothing is received before. */
  readonly ready: () => Promise<void>;
  /** Whether the delivery is done with, and need not come again. */
  readonly handle: (delivery: Delivery) => Promise<boolean>;
  /** From one receive to the next, at least, unless a whole batch came. The first of a quiet queue is not held up. */
  readonly intervalMs: number;
  readonly log: Logger;
}

/** Receives at a time while batches are full. */
const MAX_RECEIVES = 4;
/** Nothing more is received while so many characters of envelopes are held. */
const MAX_HELD = 4 * 1024 * 1024;
/** Of the time for which a delivery is invisible to others: then it is extended, with time for another try. */
const EXTEND_AFTER = 1 / 3;

/** See the head of this file. */
export class Receiver {
  private readonly options: ReceiverOptions;
  private readonly stopping = new AbortController();
  private readonly events = new EventEmitter<{ released: [] }>();
  /** With when it came. */
  private readonly held = new Map<Delivery, number>();
  private readonly loops = new Set<Promise<void>>();
  private receiving = new AbortController();
  private extending: NodeJS.Timeout | undefined;
  private heldCharacters = 0;
  private nextAtMs = 0;
  private failures = 0;
  private acknowledgesFail = false;

  constructor(options: ReceiverOptions) {
    this.options = options;
  }

  start(): void {
    this.extending = setInterval(() => void this.extendSlow(), this.options.queue.visibilityMs * EXTEND_AFTER);
    this.loop(() => true);
  }

  /** Gives up the receives under way: what they brought could not be handled now. */
  interrupt(): void {
    this.receiving.abort();
    this.receiving = new AbortController();
  }

  /** Receives nothing more, and waits until what is held has been handled. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.interrupt();
    await Promise.all(this.loops);
    while (this.held.size > 0) await once(this.events, "released");
    clearInterval(this.extending);
  }

  /** Receives for as long as `goesOn`, which is told whether the batch was full. */
  private loop(goesOn: (full: boolean) => boolean): void {
    const receiveOn = async () => {
      while (goesOn(await this.receive()) && !this.stopping.signal.aborted);
    };
    const loop = receiveOn().finally(() => this.loops.delete(loop));
    this.loops.add(loop);
  }

  /** Whether a full batch came: then more are waiting. */
  private async receive(): Promise<boolean> {
    const { queue, ready, log } = this.options;
    await this.room();
    await ready();
    const { signal } = this.receiving;
    if (this.stopping.signal.aborted) return false;
    this.nextAtMs = performance.now() + this.options.intervalMs;
    try {
      const deliveries = await queue.receive(signal);
      if (this.failures > 0) log.info({ failures: this.failures }, "receiving again");
      this.failures = 0;
      for (const delivery of deliveries) void this.hold(delivery);
      const full = deliveries.length >= queue.batchSize;
      if (!full) await this.pause();
      else if (this.loops.size < MAX_RECEIVES && this.heldCharacters < MAX_HELD / MAX_RECEIVES)
        this.loop((more) => more);
      return full;
    } catch (error) {
      if (signal.aborted) return false;
      this.failures += 1;
      if (this.failures === 1) log.warn({ err: error }, "cannot receive: trying again");
      await backOff(this.failures, this.stopping.signal);
      return false;
    }
  }

  private async pause(): Promise<void> {
    const waitMs = this.nextAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: this.stopping.signal }).catch(() => {});
  }

  private async room(): Promise<void> {
    const { signal } = this.stopping;
    while (this.heldCharacters >= MAX_HELD && !signal.aborted) {
      await once(this.events, "released", { signal }).catch(() => {});
    }
  }

  private async hold(delivery: Delivery): Promise<void> {
    const { handle, log } = this.options;
    this.held.set(delivery, performance.now());
    this.heldCharacters += delivery.body.length;
    try {
      if (await handle(delivery)) void this.acknowledge(delivery);
    } catch (error) {
      log.error({ err: error }, "cannot handle an envelope: it will come again");
    }
    this.held.delete(delivery);
    this.heldCharacters -= delivery.body.length;
    this.events.emit("released");
  }

  private async acknowledge(delivery: Delivery): Promise<void> {
    try {
      await this.options.queue.acknowledge(delivery);
      this.acknowledgesFail = false;
    } catch (error) {
      if (!this.acknowledgesFail) {
        this.options.log.warn({ err: error }, "cannot acknowledge: these envelopes will come again");
      }
      this.acknowledgesFail = true;
    }
  }

  private async extendSlow(): Promise<void> {
    const { queue, log } = this.options;
    const dueAtMs = performance.now() - queue.visibilityMs * EXTEND_AFTER;
    const slow = [...this.held].filter(([, sinceMs]) => sinceMs <= dueAtMs).map(([delivery]) => delivery);
    if (slow.length === 0) return;
    try {
      await queue.extend(slow);
    } catch (error) {
      log.warn(
        { err: error, envelopes: slow.length },
        "cannot keep what takes long: it may be replayed elsewhere as well",
      );
    }
  }
}
