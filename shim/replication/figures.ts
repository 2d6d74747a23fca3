// What replication has done since it started, counted once for both readers: the metrics registry and the INFO reply.

import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ReplayOutcome } from "./replayOutcome";

/** A plain view of the counts, for INFO. */
export interface ReplicationFigures {
  /** This process's name in its stamps, 8 hexadecimal digits. */
  readonly origin: string;
  readonly outboxCommands: number;
  readonly outboxBytes: number;
  /** Regions that this shim got envelopes of, and the age of the last one of each when it had been replayed. */
  readonly regions: Readonly<Record<string, { readonly lagMs: number }>>;
  /** Keys that this shim has deleted for the newest purges, by the purge's stamp and pattern. */
  readonly purges: Readonly<Record<string, number>>;
  /** Commands replayed, home and from the bus; commands over several keys count once for each. */
  readonly applied: number;
  /** Not replayed: known already, or older than what was there. */
  readonly stale: number;
  /** The region could not tell what their keys should hold, and deleted them. */
  readonly doubtful: number;
  /** Failed for reasons of the data, such as WRONGTYPE. */
  readonly failed: number;
  /** Envelopes moved to the dead-letter queue. */
  readonly poison: number;
}

/** Sizes that change elsewhere and are looked up when somebody asks. */
export interface OutboxSize {
  readonly commands: number;
  readonly bytes: number;
}

/** By region, the milliseconds since its newest canary was sent; looked up when somebody asks. */
export type CanaryAges = () => Iterable<readonly [region: string, ms: number]>;

const lagBucketsSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** So many purges are told of, the newest. */
const MAX_PURGES = 8;

/** See the head of this file. */
export class Figures {
  private readonly origin: string;
  private readonly outbox: OutboxSize;
  private readonly replayedTotal: Counter<"source" | "outcome">;
  private readonly unorderedTotal: Counter;
  private readonly doubtTotal: Counter<"reason">;
  private readonly invalidatedTotal: Counter;
  private readonly purgedTotal: Counter;
  private readonly purges = new Map<string, number>();
  private readonly poisonTotal: Counter;
  private readonly skippedTotal: Counter;
  private readonly lagSeconds: Histogram<"region">;
  private readonly aheadSeconds: Gauge<"region">;
  private readonly counts = { applied: 0, stale: 0, doubtful: 0, failed: 0, poison: 0 };
  private readonly lagMs = new Map<string, number>();

  constructor(origin: string, outbox: OutboxSize, canaryAges: CanaryAges, registry: Registry) {
    this.origin = origin;
    this.outbox = outbox;
    const registers = [registry];
    this.replayedTotal = new Counter({
      name: "redis_on_fly_replayed_commands_total",
      help: "Commands of database 1 that came to be replayed, by where from and what became of them",
      labelNames: ["source", "outcome"],
      registers,
    });
    this.unorderedTotal = new Counter({
      name: "redis_on_fly_unordered_commands_total",
      help: "Commands replayed in the order of their arrival, which may differ between regions",
      registers,
    });
    this.doubtTotal = new Counter({
      name: "redis_on_fly_doubtful_deletions_total",
      help: "Keys deleted because the region could not tell what they should hold, by the reason",
      labelNames: ["reason"],
      registers,
    });
    this.invalidatedTotal = new Counter({
      name: "redis_on_fly_invalidated_keys_total",
      help: "Keys written at home, and deleted in other regions instead of copied there",
      registers,
    });
    this.purgedTotal = new Counter({
      name: "redis_on_fly_purged_keys_total",
      help: "Keys deleted by FLY.PURGE in this region",
      registers,
    });
    this.poisonTotal = new Counter({
      name: "redis_on_fly_poison_envelopes_total",
      help: "Envelopes moved to the dead-letter queue",
      registers,
    });
    this.skippedTotal = new Counter({
      name: "redis_on_fly_skipped_messages_total",
      help: "Messages of newer shims that this version does not know",
      registers,
    });
    this.lagSeconds = new Histogram({
      name: "redis_on_fly_replication_lag_seconds",
      help: "Age of an envelope's newest command when it had been replayed here, by the region it came from",
      labelNames: ["region"],
      buckets: lagBucketsSeconds,
      registers,
    });
    this.aheadSeconds = new Gauge({
      name: "redis_on_fly_clock_ahead_seconds",
      help:
        "How far the clock of a region was ahead of SQS's, less the time from there to the queue, by its last envelope; " +
        "somewhat below 0 where clocks are right",
      labelNames: ["region"],
      registers,
    });
    new Gauge({
      name: "redis_on_fly_canary_age_seconds",
      help: "Time since a region's newest canary was sent",
      labelNames: ["region"],
      registers,
      collect() {
        this.reset();
        for (const [region, ms] of canaryAges()) this.set({ region }, ms / 1000);
      },
    });
    for (const unit of ["commands", "bytes"] as const) {
      new Gauge({
        name: `redis_on_fly_outbox_${unit}`,
        help: `Accepted ${unit} of database 1 that the bus has not confirmed yet`,
        registers,
        collect() {
          this.set(outbox[unit]);
        },
      });
    }
  }

  replayed(source: "home" | "bus", outcome: ReplayOutcome): void {
    const counts = {
      applied: outcome.applied,
      stale: outcome.stale,
      failed: outcome.errors.length,
    };
    for (const name of ["applied", "stale", "failed"] as const) {
      this.counts[name] += counts[name];
      if (counts[name] > 0) this.replayedTotal.inc({ source, outcome: name }, counts[name]);
    }
    const doubtful = this.doubted(outcome);
    if (doubtful > 0) this.replayedTotal.inc({ source, outcome: "doubtful" }, doubtful);
    this.unorderedTotal.inc(outcome.unordered);
  }

  /** An envelope was replayed. @param aheadMs - of the bus's clock when the bus had it */
  arrived(region: string, lagMs: number, aheadMs: number): void {
    this.lagMs.set(region, lagMs);
    this.lagSeconds.observe({ region }, lagMs / 1000);
    this.aheadSeconds.set({ region }, aheadMs / 1000);
  }

  purged(purge: string, outcome: ReplayOutcome): void {
    this.doubted(outcome);
    this.purgedTotal.inc(outcome.applied);
    this.purges.set(purge, (this.purges.get(purge) ?? 0) + outcome.applied);
    const [oldest] = this.purges.keys();
    if (oldest !== undefined && this.purges.size > MAX_PURGES) this.purges.delete(oldest);
  }

  invalidated(keys: number): void {
    this.invalidatedTotal.inc(keys);
  }

  poisoned(): void {
    this.counts.poison += 1;
    this.poisonTotal.inc();
  }

  skipped(): void {
    this.skippedTotal.inc();
  }

  private doubted({ doubts }: ReplayOutcome): number {
    let doubtful = 0;
    for (const [reason, keys] of doubts) {
      this.doubtTotal.inc({ reason }, keys);
      doubtful += keys;
    }
    this.counts.doubtful += doubtful;
    return doubtful;
  }

  snapshot(): ReplicationFigures {
    return {
      origin: this.origin,
      outboxCommands: this.outbox.commands,
      outboxBytes: this.outbox.bytes,
      regions: Object.fromEntries([...this.lagMs].map(([region, lagMs]) => [region, { lagMs }])),
      purges: Object.fromEntries(this.purges),
      ...this.counts,
    };
  }
}
