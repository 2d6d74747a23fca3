// The wires between topics and queues: they delay, lose, repeat and reorder what they carry, as SNS and SQS may, and can
// be cut. What happens to the nth message on a wire depends on the seed alone, so a seed repeats a run.
import { createHash } from "node:crypto";
import { oneWayMs } from "./roundTrips";

/** What the bus does to messages. */
export interface Faults {
  /** Factor on the one-way times between regions. @default 1 */
  readonly delay: number;
  /** Fraction of deliveries, 0 to 1, that get lost at first and are made good up to {@link REDELIVERY_MS} later. @default 0 */
  readonly drop: number;
  /** Fraction of deliveries, 0 to 1, that happen twice. @default 0 */
  readonly duplicate: number;
  /** Fraction of deliveries, 0 to 1, that are held up so long that later ones overtake them. @default 0 */
  readonly reorder: number;
  /** Whole number; the same seed brings the same faults. @default 1 */
  readonly seed: number;
}

/** A bus that only takes its time. */
export const noFaults: Faults = { delay: 1, drop: 0, duplicate: 0, reorder: 0, seed: 1 };

/** At least and at most how long a lost delivery takes to be made good, in milliseconds. */
export const REDELIVERY_MS = [300, 2000] as const;

const HELD_UP_MS = [20, 500] as const;
const REPEATED_AFTER_MS = [1, 1000] as const;

interface Parcel {
  readonly from: string;
  readonly to: string;
  readonly deliver: () => void;
}

/** All wires of one bus. */
export class Wires {
  private readonly counts = new Map<string, number>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly cuts: (readonly [region: string, other: string | undefined])[] = [];
  private held: Parcel[] = [];

  constructor(private readonly faults: Faults) {}

  /** Takes a message from one region's topic to another's queue: calls `deliver` once or twice, some time later. */
  carry(parcel: Parcel): void {
    for (const delayMs of this.delaysMs(parcel)) {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        this.arrive(parcel);
      }, delayMs);
      this.timers.add(timer);
    }
  }

  /** Cuts the wires between two regions, or between one and all others; what they carry is held until {@link heal}. */
  cut(region: string, other?: string): void {
    this.cuts.push([region, other]);
  }

  /** Mends all wires and lets go of what was held. */
  heal(): void {
    this.cuts.length = 0;
    const parcels = this.held;
    this.held = [];
    for (const { deliver } of parcels) deliver();
  }

  /** Whether a region was cut off from all others. */
  isIsolated(region: string): boolean {
    return this.cuts.some(([cut, other]) => cut === region && other === undefined);
  }

  /** Drops whatever is still on its way. */
  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.held = [];
  }

  private delaysMs({ from, to }: Parcel): number[] {
    const wire = `${from} ${to}`;
    const count = this.counts.get(wire) ?? 0;
    this.counts.set(wire, count + 1);
    const dice = createHash("sha256").update(`${this.faults.seed} ${wire} ${count}`).digest();
    const fraction = (die: number): number => dice.readUInt32BE(4 * die) / 2 ** 32;
    const within = ([least, most]: readonly [number, number], die: number): number =>
      least + fraction(die) * (most - least);

    let delayMs = oneWayMs(from, to) * this.faults.delay;
    if (fraction(0) < this.faults.drop) delayMs += within(REDELIVERY_MS, 1);
    if (fraction(2) < this.faults.reorder) delayMs += within(HELD_UP_MS, 3);
    return fraction(4) < this.faults.duplicate ? [delayMs, delayMs + within(REPEATED_AFTER_MS, 5)] : [delayMs];
  }

  private arrive(parcel: Parcel): void {
    const ends = [parcel.from, parcel.to];
    const isCut = this.cuts.some(
      ([region, other]) => ends.includes(region) && (other === undefined || ends.includes(other)),
    );
    if (isCut && parcel.from !== parcel.to) this.held.push(parcel);
    else parcel.deliver();
  }
}
