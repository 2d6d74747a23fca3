// The canary: a small message that every shim sends every few seconds, so that all regions know that the way from its
// region is open, how long it takes, what its shims read, and how they fare. While one is overdue, records are kept.

import type { Logger } from "pino";
import type { StampedCommand } from "./envelope";
import type { Sender } from "./messages";
import { parseReport, type Regions, type Report } from "./regions";
import type { Replayer } from "./replayer";
import type { Clock } from "./stamp";

/** What a {@link Canary} needs. */
export interface CanaryOptions {
  /** From one canary to the next; 0: none are sent, and none is waited for. */
  readonly intervalMs: number;
  readonly recordsMaxBytes: number;
  readonly regions: Regions;
  readonly replayer: Replayer;
  readonly clock: Clock;
  /** What to tell now. */
  readonly report: () => Report;
  readonly send: (text: string) => void;
  readonly log: Logger;
}

/** What else is done at every canary is done so often where none are sent. */
const DEFAULT_INTERVAL_MS = 5_000;

/** See the head of this file. */
export class Canary {
  private readonly options: CanaryOptions;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(options: CanaryOptions) {
    this.options = options;
  }

  /** Begins; the first canary is sent at once. */
  start(): void {
    void this.beat();
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
    const { intervalMs, recordsMaxBytes, regions, replayer, clock, report, send, log } = this.options;
    if (intervalMs > 0) send(JSON.stringify(report()));
    try {
      await regions.recall(clock.nowMs());
      const heardMs = intervalMs > 0 ? regions.heardMs() : Number.MAX_SAFE_INTEGER;
      await replayer.rotate(heardMs, recordsMaxBytes);
    } catch (error) {
      log.debug({ err: error }, "cannot look after the records now");
    }
    // Jitter keeps shims that were started together from sending together for ever.
    const pauseMs = (intervalMs || DEFAULT_INTERVAL_MS) * (0.9 + Math.random() / 5);
    if (!this.stopped) this.timer = setTimeout(() => void this.beat(), pauseMs).unref();
  }
}
