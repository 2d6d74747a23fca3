// What is on its way between the shims of a fabric, as its envelopes tell.
import type { Envelope, StampedCommand } from "@redis-on-fly/shim/dist/replication/envelope";
import { parseStamp } from "@redis-on-fly/shim/dist/replication/stamp";
import type { Network, Waiting } from "./network";
import { isLarge, isPublished, wholeCommands } from "./publication";
import type { ChaosRegion } from "./regions";
import { codec, type Shim } from "./shims";

/** A message that lacks chunks after so many deliveries will never have them. */
const TRIES = 2;

/** See the head of this file. */
export class Traffic {
  private readonly opened = new Map<string, Envelope>();
  /** Messages that have waited for chunks alone, and how often each had been handed out when that was noticed. */
  private lacking = new Map<number, number>();

  constructor(
    private readonly network: Network,
    private readonly regions: readonly ChaosRegion[],
  ) {}

  /** All that the bus got from some shims. */
  published(shims: readonly Shim[]): readonly StampedCommand[] {
    return shims.flatMap(({ end }) => end.published.flatMap((body) => [...this.open(body).commands]));
  }

  /** What a region has accepted and one of the others has not acknowledged, or the bus has not got. */
  underWay(from: ChaosRegion): readonly StampedCommand[] {
    const waiting = this.regions
      .flatMap((to) => this.network.waiting(to.name))
      .map(({ body }) => this.open(body))
      .filter(({ region }) => region === from.name);
    const unpublished = from.shims.flatMap((shim) => {
      const whole = wholeCommands(this.published([shim]));
      return shim.accepted.filter((each) => !isPublished(each, whole));
    });
    return [
      ...waiting.flatMap(({ commands }) => [...commands]),
      ...unpublished.flatMap(({ stamp: text, words }) => {
        const stamp = parseStamp(text);
        return stamp ? { stamp, args: words } : [];
      }),
    ];
  }

  /** Whether all that is left waits for chunks which were lost with a shim or a server. */
  lacksChunks(): boolean {
    const waiting = this.regions.flatMap(({ name }) => (this.network.isCut(name) ? [] : this.network.waiting(name)));
    const all = waiting.length > 0 && waiting.every(({ body }) => [...this.open(body).commands].some(isLarge));
    if (!all || waiting.some(({ id }) => !this.lacking.has(id))) {
      this.lacking = new Map(all ? waiting.map(({ id, handed }) => [id, handed]) : []);
      return false;
    }
    const lacks = ({ id, handed }: Waiting) => handed >= (this.lacking.get(id) ?? handed) + TRIES;
    return waiting.every(lacks);
  }

  private open(body: string): Envelope {
    const envelope = this.opened.get(body) ?? codec.open(body);
    this.opened.set(body, envelope);
    return envelope;
  }
}
