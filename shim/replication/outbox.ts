// Accepted commands that the bus has not confirmed yet, oldest first. What it has taken in leaves it only by confirmation,
// or because newer commands in it make up for it; it counts its memory, so that whoever accepts commands can bound it.

import type { StampedCommand } from "./envelope";
import { isCanary, isMessage } from "./messages";
import { replaySteps } from "./replaySteps";
import { commandBytes, Segment } from "./segment";

/** See the head of this file. */
export class Outbox {
  private waiting: Segment[] = [];
  private heldCommands = 0;
  private heldBytes = 0;
  private observers: { readonly bytes: number; readonly callback: () => void }[] = [];

  /**
   * @param origin - of all its commands.
   * @param capacity - bytes of commands that one envelope can carry.
   */
  constructor(
    private readonly origin: number,
    private readonly capacity: number,
  ) {}

  /** Commands and messages waiting or under way; canaries do not count. */
  get commands(): number {
    return this.heldCommands;
  }

  /** Memory of the commands and messages waiting or under way. */
  get bytes(): number {
    return this.heldBytes;
  }

  /** Envelopes' worth of commands that wait; all but the last are full. */
  get envelopes(): number {
    return this.waiting.length;
  }

  /** Copies a command, whose stamp must be above all others. @returns where to, as its newest */
  add(command: StampedCommand): Segment {
    let segment = this.waiting.at(-1);
    if (segment === undefined || segment.bytes + commandBytes(command.args) > this.capacity) {
      segment = new Segment(this.origin);
      this.waiting.push(segment);
    }
    segment.append(command);
    if (!isCanary(command)) this.heldCommands += 1;
    this.heldBytes += segment.newestBytes;
    return segment;
  }

  /** The oldest waiting commands that fit into an envelope; they count until confirmed. */
  take(): Segment | undefined {
    return this.waiting.shift();
  }

  /**
   * Drops waiting commands on keys that newer waiting ones overwrite: a region that never hears of them ends the same.
   * Commands in the order of arrival, which others' results go into, keep what they may have read.
   */
  coalesce(): void {
    const overwritten = new Set<string>();
    let flushed = false;
    const superseded = (command: StampedCommand): boolean => {
      if (isMessage(command)) return false;
      if (flushed) return true;
      const steps = replaySteps(command);
      let needed = false;
      for (const step of steps) {
        if (step.kind === "flush") {
          flushed = true;
          return false;
        }
        if (step.kind === "other") {
          for (const key of step.keys) overwritten.delete(key.toString("latin1"));
          return false;
        }
        const key = step.key.toString("latin1");
        needed ||= !overwritten.has(key);
        if (step.kind === "overwrite") overwritten.add(key);
      }
      return !needed;
    };
    const verdicts = this.waiting.toReversed().map((segment) => [...segment].reverse().map(superseded).reverse());
    const segments = this.waiting;
    this.waiting = [];
    for (const segment of segments) {
      const verdict = verdicts.pop();
      this.forget(segment);
      let index = 0;
      for (const command of segment) {
        if (!verdict?.[index++]) this.add(command);
      }
    }
  }

  /** Calls back once it holds no more than `bytes`; at once, synchronously, where that is so. */
  onceWithin(bytes: number, callback: () => void): void {
    if (this.heldBytes <= bytes) callback();
    else this.observers.push({ bytes, callback });
  }

  /** Forgets commands that {@link Outbox.take} has given: the bus has them. */
  confirm(segment: Segment): void {
    this.forget(segment);
    const due = this.observers.filter(({ bytes }) => this.heldBytes <= bytes);
    if (due.length === 0) return;
    this.observers = this.observers.filter(({ bytes }) => this.heldBytes > bytes);
    for (const { callback } of due) callback();
  }

  private forget({ commands, bytes }: Segment): void {
    this.heldCommands -= commands;
    this.heldBytes -= bytes;
  }
}
