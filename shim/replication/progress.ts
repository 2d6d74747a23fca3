// How far along a sequence everything has settled, though its batches settle in any order: a point is reached only when
// all before it has settled.

interface Batch {
  readonly size: number;
  settled: boolean;
}

/** See the head of this file. */
export class Progress {
  private batches: Batch[] = [];
  private observers: { readonly sequence: number; readonly callback: () => void }[] = [];
  private reachedCount = 0;

  /** Everything up to here has settled. */
  get reached(): number {
    return this.reachedCount;
  }

  /** Adds a batch, which follows all that were added before. @returns what settles it */
  begin(size: number): () => void {
    const batch = { size, settled: false };
    this.batches.push(batch);
    return () => {
      batch.settled = true;
      this.advance();
    };
  }

  /** Calls back once `sequence` is reached; at once, synchronously, where it is. */
  onReached(sequence: number, callback: () => void): void {
    if (sequence <= this.reachedCount) callback();
    else this.observers.push({ sequence, callback });
  }

  /** Calls everybody back, whatever has been reached: there is no point in waiting any longer. */
  release(): void {
    this.callBack(Number.POSITIVE_INFINITY);
  }

  private advance(): void {
    for (let batch = this.batches[0]; batch?.settled; batch = this.batches[0]) {
      this.batches.shift();
      this.reachedCount += batch.size;
    }
    this.callBack(this.reachedCount);
  }

  private callBack(upTo: number): void {
    const due = this.observers.filter(({ sequence }) => sequence <= upTo);
    if (due.length === 0) return;
    this.observers = this.observers.filter(({ sequence }) => sequence > upTo);
    for (const { callback } of due) callback();
  }
}
