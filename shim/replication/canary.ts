// The canary: a small message that every shim sends every few seconds, so that all regions know that the way from its
// region is open, how long it takes, what its shims read, and how they fare.

import type { Logger } from "pino";
import type { StampedCommand } from "./envelope";
import type { Sender } from "./messages";
import { parseReport, type Regions, type Report } from "./regions";
import type { Clock } from "./stamp";

/** What a {@link Canary} needs. */
export interface CanaryOptions {
  /** From one canary to the next; 0: none are sent. */
  readonly intervalMs: number;
  readonly regions: Regions;
  readonly clock: Clock;
  /** What to tell now. */
  readonly report: () => Report;
  readonly send: (text: string) => void;
  readonly log: Logger;
}

/** See the head of this file. */
export class Canary {
  private readonly options: CanaryOptions;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(options: CanaryOptions) {
    this.options = options;
  }

  /** Sends the first one at once. */
  start(): void {
    if (this.options.intervalMs > 0) void this.beat();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Takes in anybody's canary. */
  async hear({ stamp, args }: StampedCommand, { region }: Sender): Promise<void> {
    const report = parseReport(String(args[1]));
    if (report) await this.options.regions.hear({ region, origin: stamp.origin, sent: stamp, report });
  }

  private async beat(): Promise<void> {
    const { intervalMs, regions, clock, report, send, log } = this.options;
    send(JSON.stringify(report()));
    await regions.recall(clock.nowMs()).catch((error) => log.debug({ err: error }, "cannot read what others heard"));
    // Jitter keeps shims that were started together from sending together for ever.
    if (!this.stopped) this.timer = setTimeout(() => void this.beat(), intervalMs * (0.9 + Math.random() / 5)).unref();
  }
}
