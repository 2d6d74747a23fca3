// Carries the outbox to the bus in envelopes: the first at once, the next an interval later unless it is full. A command
// leaves the outbox only when the bus has it; while the bus fails, nothing newer is tried before what failed.

import { EventEmitter, once } from "node:events";
import type { Logger } from "pino";
import type { Bus } from "../bus/bus";
import { backOff } from "./backoff";
import type { StampedCommand } from "./envelope";
import type { Outbox } from "./outbox";

/** What a {@link Publisher} needs. */
export interface PublisherOptions {
  readonly bus: Bus;
  readonly outbox: Outbox;
  readonly seal: (commands: readonly StampedCommand[]) => string;
  /** Bytes of commands that one envelope can carry. */
  readonly capacity: number;
  readonly intervalMs: number;
  readonly log: Logger;
}

const MAX_IN_FLIGHT = 4;

/** See the head of this file. */
export class Publisher {
  private readonly options: PublisherOptions;
  private readonly closing = new AbortController();
  private readonly events = new EventEmitter<{ empty: [] }>();
  private intervalMs: number;
  private nextAtMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private inFlight = 0;
  private failing = 0;

  constructor(options: PublisherOptions) {
    this.options = options;
    this.intervalMs = options.intervalMs;
  }

  /** Whether the bus takes nothing at present. */
  get blocked(): boolean {
    return this.failing > 0;
  }

  /** To be called whenever something came into the outbox. */
  wake(): void {
    const { outbox, capacity } = this.options;
    if (outbox.waitingBytes === 0 || this.immediate || this.inFlight === MAX_IN_FLIGHT || this.failing > 0) return;
    const waitMs = outbox.waitingBytes >= capacity ? 0 : this.nextAtMs - performance.now();
    if (waitMs > 0) {
      this.timer ??= setTimeout(() => this.send(), waitMs);
    } else {
      // What this turn of the event loop still brings goes along.
      this.immediate = setImmediate(() => this.send());
    }
  }

  /** Publishes what is in the outbox without pacing, for at most `timeoutMs`; then publishes nothing more. */
  async drain(timeoutMs: number): Promise<void> {
    this.intervalMs = 0;
    this.nextAtMs = 0;
    this.wake();
    const timeout = AbortSignal.timeout(timeoutMs);
    if (this.options.outbox.commands > 0) await once(this.events, "empty", { signal: timeout }).catch(() => {});
    this.closing.abort();
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
  }

  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.immediate = undefined;
    this.nextAtMs = performance.now() + this.intervalMs;
    this.inFlight += 1;
    void this.publish(this.options.outbox.take(this.options.capacity));
    this.wake();
  }

  private async publish(commands: readonly StampedCommand[]): Promise<void> {
    const { bus, outbox, seal, log } = this.options;
    const body = seal(commands);
    for (let attempt = 1; !this.closing.signal.aborted; attempt += 1) {
      try {
        await bus.publish(body);
        if (attempt > 1) {
          this.failing -= 1;
          log.info({ attempt }, "the bus takes envelopes again");
        }
        outbox.confirm(commands);
        break;
      } catch (error) {
        if (attempt === 1) {
          this.failing += 1;
          log.warn(
            { err: error, commands: outbox.commands, bytes: outbox.bytes },
            "cannot publish: keeping and trying again",
          );
        }
        await backOff(attempt, this.closing.signal);
      }
    }
    this.inFlight -= 1;
    if (outbox.commands === 0) this.events.emit("empty");
    this.wake();
  }
}
