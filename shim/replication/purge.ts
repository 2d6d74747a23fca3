// FLY.PURGE: deletes the keys that match a pattern in every region, by one small message to each. Every delete has the
// purge's stamp, so newer writes survive it, and older ones that come late do not.

import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { purgeCommand } from "../commands/policy";
import type { StampedCommand } from "./envelope";
import { keyPages } from "./keyPages";
import type { MessageHandler } from "./messages";
import type { Replayer } from "./replayer";
import type { ReplayFailure, ReplayOutcome } from "./replayOutcome";
import { type Stamp, stampText } from "./stamp";

/** Name of the command, and of the message. Its argument is the pattern. */
export const PURGE = purgeCommand.name;

/** What a {@link Purger} needs. */
export interface PurgerOptions {
  /** A connection to database 0, which fails commands at once while it is down. */
  readonly cluster: Redis;
  readonly replayer: Replayer;
  /** Told what became of keys that match, by the purge's stamp and pattern. */
  readonly purged: (purge: string, outcome: ReplayOutcome) => void;
}

const PAGE = 256;
/** Characters of a pattern that people are shown. */
const MAX_SHOWN = 100;
const unlink = Buffer.from("UNLINK");

/** See the head of this file. */
export class Purger {
  private readonly options: PurgerOptions;
  private readonly running = new Map<string, Promise<ReplayFailure | undefined>>();

  constructor(options: PurgerOptions) {
    this.options = options;
  }

  /**
   * Carries a purge out, unless the region has done so. Rejects where the server fails: worth another try.
   *
   * @returns what the server can never do of it: then it counts as not done
   */
  run({ stamp, args: [, pattern = Buffer.alloc(0)] }: StampedCommand): Promise<ReplayFailure | undefined> {
    const name = stampText(stamp);
    let running = this.running.get(name);
    if (!running) {
      running = this.carryOut(stamp, pattern).finally(() => this.running.delete(name));
      this.running.set(name, running);
    }
    return running;
  }

  /** Does so for a message. */
  readonly handle: MessageHandler = async (message, _, report) => {
    const poison = await this.run(message);
    if (poison) report(poison);
  };

  private async carryOut(stamp: Stamp, pattern: Buffer): Promise<ReplayFailure | undefined> {
    const { purges } = this.options.replayer;
    if (await purges.write(stamp, "under way", pattern)) return undefined;
    const poison = await this.sweep(stamp, pattern);
    if (!poison) await purges.write(stamp, "done", pattern);
    return poison;
  }

  /** Page by page, and after each as long a pause as it took: the server has at least half of its time for others. */
  private async sweep(stamp: Stamp, pattern: Buffer): Promise<ReplayFailure | undefined> {
    const { cluster, replayer, purged } = this.options;
    const name = `${stampText(stamp)} ${encodeURIComponent(pattern.toString("latin1")).slice(0, MAX_SHOWN)}`;
    let poison: ReplayFailure | undefined;
    let startedAt = performance.now();
    for await (const { keys } of keyPages(cluster, pattern, PAGE)) {
      const outcome = await replayer.apply(keys.length > 0 ? [{ stamp, args: [unlink, ...keys] }] : []);
      purged(name, outcome);
      const [failure] = outcome.transient;
      if (failure) throw new Error(failure.error);
      poison ??= outcome.poison[0];
      await sleep(performance.now() - startedAt, undefined, { ref: false });
      startedAt = performance.now();
    }
    return poison;
  }
}
