// Lets only so many be under way at a time; the others wait, and follow in the order in which they asked.

/** See the head of this file. */
export class Turns {
  private readonly waiting: (() => void)[] = [];
  private underWay = 0;

  /** @param most - how many may be under way at a time, as it is now. */
  constructor(private readonly most: () => number) {}

  /** Settles when it is one's turn. @returns what ends it, once and for all */
  async take(): Promise<() => void> {
    if (this.underWay < this.most()) this.underWay += 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let over = false;
    return () => {
      if (!over) this.give();
      over = true;
    };
  }

  private give(): void {
    this.underWay -= 1;
    while (this.waiting.length > 0 && (this.underWay === 0 || this.underWay < this.most())) {
      this.underWay += 1;
      this.waiting.shift()?.();
    }
  }
}
