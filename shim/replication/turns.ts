// Lets only so many be under way at a time; the others wait, and follow in the order in which they asked.

/** See the head of this file. */
export class Turns {
  private readonly waiting: (() => void)[] = [];

  /** @param free - how many may be under way at a time. */
  constructor(private free: number) {}

  /** Settles when it is one's turn. @returns what ends it, once and for all */
  async take(): Promise<() => void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let over = false;
    return () => {
      if (!over) this.give();
      over = true;
    };
  }

  private give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free += 1;
  }
}
