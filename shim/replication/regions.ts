// What a region's shims know of all shims of all regions, by their canaries. Of shims that share a queue, one gets each
// canary: what it hears it shares through the region's server, and what one has heard it does not forget with the server.

import type { Redis } from "ioredis";
import { z } from "zod";
import type { Sender } from "./messages";
import { parseStamp, STAMP_LENGTH, type Stamp, stampText } from "./stamp";

const count = z.number().nonnegative();

const report = z.object({
  /** The newest version of envelopes that the shim reads. */
  reads: z.int().positive(),
  /** From one canary to the next, in milliseconds. */
  intervalMs: count,
  /** Whether it was the last one: the shim has published all that it had accepted, and exits. */
  leaving: z.boolean(),
  outboxCommands: count,
  outboxBytes: count,
  applied: count,
  stale: count,
  doubtful: count,
  failed: count,
  poison: count,
  /** Age of each region's last envelope when the shim had replayed it, in milliseconds. */
  lagMs: z.record(z.string(), z.number()),
  /** Keys that the shim has deleted for the newest purges, by the purge's stamp and pattern. */
  purges: z.record(z.string(), count).default({}),
});

/** What a canary tells of its shim. Later versions may add to it: what this one does not know is left out. */
export type Report = Readonly<z.infer<typeof report>>;

/** A shim of any region, as its newest canary tells. */
export interface Peer extends Sender {
  /** When the canary was sent. */
  readonly sent: Stamp;
  readonly report: Report;
}

type Summed = "outboxCommands" | "outboxBytes" | "applied" | "doubtful" | "poison";

/** A region as the newest canaries of its shims tell; counts are those of all shims since each has started. */
export interface RegionFigures extends Pick<Report, Summed> {
  /** Since its newest canary was sent. */
  readonly canaryAgeMs: number;
  readonly shims: number;
  /** The newest version of envelopes that all of its shims read. */
  readonly reads: number;
  /** Age of each region's last envelope when this region had replayed it; of several shims the slowest. */
  readonly lagMs: Readonly<Record<string, number>>;
  /** Keys deleted for the newest purges, by the purge's stamp and pattern. */
  readonly purges: Readonly<Record<string, number>>;
}

/** SQS keeps messages for so long: nothing of a region that has been silent for longer can come any more. */
const FORGET_AFTER_MS = 14 * 24 * 3600 * 1000;
/** A shim that has left out so many canaries while others of its region sent theirs is gone. */
const GONE_AFTER_INTERVALS = 5;
/** Or it cannot reach the bus, and has yet to publish what it accepted: that is waited for so long. */
const WAIT_FOR_SHIM_MS = 3600 * 1000;

// SELECT inside a script ends with it. A value begins with its stamp, so the greater one is the newer one.
const HEAR = `
redis.call('SELECT', 1)
if (redis.call('HGET', 'c', ARGV[1]) or '') < ARGV[2] then redis.call('HSET', 'c', ARGV[1], ARGV[2]) end
`;
const RECALL = `
redis.call('SELECT', 1)
return redis.call('HVALS', 'c')
`;
const FORGET = `
redis.call('SELECT', 1)
redis.call('HDEL', 'c', unpack(ARGV))
for _, origin in ipairs(ARGV) do
  local caller = string.format('w%08x', tonumber(origin))
  redis.call('HDEL', 'm', caller, caller .. 'i')
end
`;

/** Reads what a canary tells; undefined where this version cannot. */
export function parseReport(text: string): Report | undefined {
  try {
    return report.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function newestMs(peers: readonly Peer[]): number {
  return Math.max(...peers.map(({ sent }) => sent.ms));
}

/** See the head of this file. */
export class Regions {
  private readonly cluster: Redis;
  private readonly reads: number;
  private readonly byRegion = new Map<string, Map<number, Peer>>();
  /** Regions that envelopes have come from: where no canary has, there are shims of before canaries. */
  private readonly senders = new Set<string>();
  private oldestArrivalMs = Number.POSITIVE_INFINITY;

  /**
   * @param cluster - a connection to database 0.
   * @param reads - the version of envelopes that this shim itself reads.
   */
  constructor(cluster: Redis, reads: number) {
    this.cluster = cluster;
    this.reads = reads;
  }

  /** Takes in a canary. Rejects where the region's server cannot be reached; then it may be called again. */
  async hear(peer: Peer): Promise<void> {
    this.learn(peer);
    const { region, sent, report: told } = peer;
    const value = `${stampText(sent)}${region} ${JSON.stringify(told)}`;
    await this.cluster.eval(HEAR, 0, sent.origin, value);
  }

  /** Learns what the region's other shims have heard, and forgets who has been silent for two weeks. */
  async recall(nowMs: number): Promise<void> {
    for (const value of (await this.cluster.eval(RECALL, 0)) as readonly string[]) {
      const space = value.indexOf(" ");
      const sent = parseStamp(value.slice(0, STAMP_LENGTH));
      const told = parseReport(value.slice(space + 1));
      if (sent && told)
        this.learn({ region: value.slice(STAMP_LENGTH, space), origin: sent.origin, sent, report: told });
    }
    const forgotten: number[] = [];
    for (const [region, peers] of this.byRegion) {
      for (const { origin, sent } of peers.values()) {
        if (sent.ms > nowMs - FORGET_AFTER_MS) continue;
        peers.delete(origin);
        forgotten.push(origin);
      }
      if (peers.size > 0) continue;
      this.byRegion.delete(region);
      this.senders.delete(region);
    }
    if (forgotten.length > 0) await this.cluster.eval(FORGET, 0, ...forgotten);
  }

  /** Takes note of a replayed envelope, by its oldest command. */
  arrived(region: string, { ms }: Stamp): void {
    this.senders.add(region);
    this.oldestArrivalMs = Math.min(this.oldestArrivalMs, ms);
  }

  /**
   * Everything that was accepted before, in ms since 1970, seems to have arrived: the newest canary of every shim that may
   * still publish is newer, and so is all that has arrived since this was last asked. 0 where nothing has been heard yet.
   */
  heardMs(): number {
    const newest = [...this.byRegion.values()].flatMap((peers) => {
      const all = [...peers.values()];
      const waitedForMs = newestMs(all) - WAIT_FOR_SHIM_MS;
      return all.filter(({ sent, report }) => !report.leaving && sent.ms >= waitedForMs).map(({ sent }) => sent.ms);
    });
    const heardMs = newest.length === 0 ? 0 : Math.min(...newest, this.oldestArrivalMs);
    this.oldestArrivalMs = Number.POSITIVE_INFINITY;
    return heardMs;
  }

  /** Whether every shim of every region reads envelopes of this version: before, none may be sent. */
  everyRegionReads(version: number): boolean {
    const living = [...this.living().values()].flat();
    const silent = [...this.senders].some((region) => !this.byRegion.has(region));
    if (this.reads < version || living.length === 0 || silent) return false;
    return living.every(({ report: { reads } }) => reads >= version);
  }

  /** Each region as its shims tell. */
  figures(nowMs: number): Readonly<Record<string, RegionFigures>> {
    const entries = [...this.living()].map(([region, peers]): [string, RegionFigures] => {
      const reports = peers.map(({ report }) => report);
      const sum = (name: Summed) => reports.reduce((total, each) => total + each[name], 0);
      const lagMs: Record<string, number> = {};
      for (const [from, ms] of reports.flatMap((each) => Object.entries(each.lagMs))) {
        lagMs[from] = Math.max(ms, lagMs[from] ?? ms);
      }
      const purges: Record<string, number> = {};
      for (const [purge, keys] of reports.flatMap((each) => Object.entries(each.purges))) {
        purges[purge] = (purges[purge] ?? 0) + keys;
      }
      const figures = {
        canaryAgeMs: nowMs - newestMs(peers),
        shims: peers.length,
        reads: Math.min(...reports.map(({ reads }) => reads)),
        outboxCommands: sum("outboxCommands"),
        outboxBytes: sum("outboxBytes"),
        applied: sum("applied"),
        doubtful: sum("doubtful"),
        poison: sum("poison"),
        lagMs,
        purges,
      };
      return [region, figures];
    });
    return Object.fromEntries(entries);
  }

  /** By region, the shims that were alive when it was last heard of; regions that all shims have left are not in it. */
  private living(): ReadonlyMap<string, readonly Peer[]> {
    const living = new Map<string, readonly Peer[]>();
    for (const [region, peers] of this.byRegion) {
      const all = [...peers.values()];
      const lastMs = newestMs(all);
      const alive = all.filter(
        ({ sent, report: { leaving, intervalMs } }) =>
          !leaving && sent.ms >= lastMs - GONE_AFTER_INTERVALS * intervalMs,
      );
      if (alive.length > 0) living.set(region, alive);
    }
    return living;
  }

  private learn(peer: Peer): void {
    const peers = this.byRegion.get(peer.region) ?? new Map<number, Peer>();
    const known = peers.get(peer.origin);
    if (known === undefined || stampText(known.sent) < stampText(peer.sent)) peers.set(peer.origin, peer);
    this.byRegion.set(peer.region, peers);
  }
}
