// Carries the outbox to the bus in envelopes: the first at once, the next an interval later unless it is full. A command
// leaves the outbox only when the bus has it; while the bus fails, nothing newer is tried before what failed.

import { EventEmitter, once } from "node:events";
import type { Logger } from "pino";
import type { Topic } from "../bus/bus";
import { backOff } from "./backoff";
import type { Confirmations } from "./confirmations";
import type { Outbox } from "./outbox";
import type { Segment } from "./segment";

/** What a {@link Publisher} needs. */
export interface PublisherOptions {
  readonly topic: Topic;
  readonly outbox: Outbox;
  /** Told of what the bus has, where somebody waits for it. */
  readonly confirmations?: Confirmations | undefined;
  readonly seal: (commands: Segment) => string;
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
    const { envelopes } = this.options.outbox;
    if (envelopes === 0 || this.immediate || this.inFlight === MAX_IN_FLIGHT || this.failing > 0) return;
    const full = envelopes > 1;
    if (this.timer && !full) return;
    const waitMs = full ? 0 : this.nextAtMs - performance.now();
    if (waitMs > 0) {
      this.timer = setTimeout(() => this.send(), waitMs);
    } else {
      // What this turn of the event loop still brings goes along.
      this.immediate = setImmediate(() => this.send());
    }
  }

  /** Publishes what is in the outbox without pacing, for at most `timeoutMs`; then publishes nothing more. */
  async drain(timeoutMs: number): Promise<void> {
    this.intervalMs = 0;
    this.nextAtMs = 0;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.wake();
    const timeout = AbortSignal.timeout(timeoutMs);
    if (this.options.outbox.bytes > 0) await once(this.events, "empty", { signal: timeout }).catch(() => {});
    this.closing.abort();
    clearImmediate(this.immediate);
  }

  /** Publishes what is due, and what is full beyond that: one turn of the event loop may bring several envelopes. */
  private send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.immediate = undefined;
    const { outbox } = this.options;
    for (let next = this.next(); next; next = outbox.envelopes > 1 ? this.next() : undefined) {
      // A canary alone makes no command wait: one in a hundred would, in quiet.
      if (next.commands > 0) this.nextAtMs = performance.now() + this.intervalMs;
      void this.publish(next);
    }
    this.wake();
  }

  private next(): Segment | undefined {
    return this.inFlight < MAX_IN_FLIGHT && this.failing === 0 ? this.options.outbox.take() : undefined;
  }

  private async publish(commands: Segment): Promise<void> {
    const { topic, outbox, confirmations, seal, log } = this.options;
    const confirm = confirmations?.begin(commands.entries);
    this.inFlight += 1;
    const body = seal(commands);
    for (let attempt = 1; !this.closing.signal.aborted; attempt += 1) {
      try {
        await topic.publish(body);
        if (attempt > 1) {
          this.failing -= 1;
          log.info({ attempt }, "the bus takes envelopes again");
        }
        outbox.confirm(commands);
        confirm?.();
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
    if (outbox.bytes === 0) this.events.emit("empty");
    this.wake();
  }
}
