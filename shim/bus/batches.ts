// Gathers what is to be sent together, since a service takes so many at a time and charges by the call: an item waits until
// its batch is full, for a while at most.

/** What a {@link Batches} needs. */
export interface BatchesOptions<Item> {
  readonly size: number;
  readonly lingerMs: number;
  readonly send: (items: readonly Item[]) => Promise<void>;
}

interface Batch<Item> {
  readonly items: Item[];
  readonly sent: Promise<void>;
  readonly close: () => void;
}

/** See the head of this file. */
export class Batches<Item> {
  private open: Batch<Item> | undefined;
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly options: BatchesOptions<Item>) {}

  /** Settles as the sending of its batch does. */
  add(item: Item): Promise<void> {
    this.open ??= this.begin();
    const { items, sent, close } = this.open;
    if (items.push(item) === this.options.size) close();
    return sent;
  }

  /** Sends what waits, and waits until all is sent, or has failed. */
  async flush(): Promise<void> {
    this.open?.close();
    await Promise.allSettled(this.underWay);
  }

  private begin(): Batch<Item> {
    const items: Item[] = [];
    let close = () => {};
    const sent = new Promise<void>((resolve, reject) => {
      close = () => {
        clearTimeout(timer);
        this.open = undefined;
        this.options.send(items).then(resolve, reject);
      };
    });
    const timer = setTimeout(close, this.options.lingerMs);
    this.underWay.add(sent);
    const forget = () => this.underWay.delete(sent);
    sent.then(forget, forget);
    return { items, sent, close };
  }
}
