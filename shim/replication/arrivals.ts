// What came over the bus, as the way in reports it: the clock moves past it, messages go to those whom they concern, and
// receipts, lags and figures take note of it.

import type { Logger } from "pino";
import type { Front, SettledEnvelope } from "../inbound/front";
import type { StampedCommand } from "./envelope";
import type { Figures } from "./figures";
import { type Hearing, hear, type MessageHandlers, nameOf, type Sender } from "./messages";
import type { Receipts } from "./receipts";
import type { Regions } from "./regions";
import { logPoison, type ReplayOutcome } from "./replayOutcome";
import type { Clock, Stamp } from "./stamp";

/** What {@link Arrivals} need. */
export interface ArrivalsOptions {
  /** Resolves once the clock is set, or that takes too long. */
  readonly clockSet: () => Promise<void> | undefined;
  readonly clock: Clock;
  readonly handlers: MessageHandlers;
  readonly receipts: Receipts;
  readonly regions: Regions;
  readonly figures: Figures;
  readonly log: Logger;
}

/** See the head of this file. */
export class Arrivals implements Front {
  constructor(private readonly options: ArrivalsOptions) {}

  async observe(stamp: Stamp): Promise<void> {
    await this.options.clockSet();
    this.options.clock.observe(stamp);
  }

  async hear(message: StampedCommand, from: Sender): Promise<Hearing> {
    const { handlers, figures, log } = this.options;
    const hearing = await hear(handlers, message, from);
    if (hearing === "unknown") {
      figures.skipped();
      log.warn({ name: nameOf(message), region: from.region }, "skipping a message that this version does not know");
    }
    return hearing;
  }

  async settled({ region, oldest, newest, sentAtMs, complete }: SettledEnvelope): Promise<void> {
    const { clock, receipts, regions, figures } = this.options;
    if (complete && oldest) await receipts.replayed(region, oldest);
    if (oldest) regions.arrived(region, oldest);
    if (newest) figures.arrived(region, clock.nowMs() - newest.ms, newest.ms - sentAtMs);
  }

  replayed(outcome: ReplayOutcome): void {
    this.options.figures.replayed("bus", outcome);
  }

  purged(purge: string, outcome: ReplayOutcome): void {
    this.options.figures.purged(purge, outcome);
    logPoison(this.options.log, outcome);
  }

  poisoned(): void {
    this.options.figures.poisoned();
  }
}
