// What one region may hold instead of what it should, by the limits in docs/consistency.md.

/** What a region may hold under a key. */
export type Allowance = "the value" | "the value or nothing" | "anything";

/** So many are kept: what is on record is there for so many rotations at least. */
const GENERATIONS = 2;

/** See the head of this file. */
export class Excuses {
  /** How often records were dropped. */
  rotations = 0;
  private readonly absent = new Set<string>();
  private everythingAbsent = false;
  private readonly untold = new Set<string>();
  private everythingUntold = false;

  /**
   * These keys may be missing, or all.
   *
   * @param told - whether the region knows that it cannot tell them: a key without a record is taken as it is.
   */
  add(keys: readonly string[] | "all", told = this.rotations < GENERATIONS): void {
    if (keys === "all") this.everythingAbsent = true;
    else for (const key of keys) this.absent.add(key);
    if (!told) this.leaveUntold();
  }

  /** Records were dropped. */
  rotated(): void {
    this.rotations += 1;
    this.leaveUntold();
  }

  of(key: string): Allowance {
    if (this.everythingUntold || this.untold.has(key)) return "anything";
    return this.everythingAbsent || this.absent.has(key) ? "the value or nothing" : "the value";
  }

  private leaveUntold(): void {
    for (const key of this.absent) this.untold.add(key);
    this.everythingUntold ||= this.everythingAbsent;
  }
}
