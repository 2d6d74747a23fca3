// Accepted commands that the bus has not confirmed yet, oldest first. What it has taken in leaves it only by confirmation,
// or because newer commands in it make up for it; it counts its memory, so that whoever accepts commands can bound it.

import { commandBytes, type StampedCommand } from "./envelope";
import { isMessage } from "./messages";
import { replaySteps } from "./replaySteps";

/** What the objects around a command's bytes take up in memory, so that small commands cannot exceed the bound unseen. */
const OBJECT_BYTES = 100;

/** What an accepted command takes up in memory, in bytes. */
export function heldBytes(args: readonly Buffer[]): number {
  return commandBytes(args) + OBJECT_BYTES * (args.length + 1);
}

/** See the head of this file. */
export class Outbox {
  private waiting: StampedCommand[] = [];
  private waitingTotal = 0;
  private acceptedTotal = 0;
  private heldTotal = 0;

  /** Commands waiting or under way; messages do not count. */
  get commands(): number {
    return this.acceptedTotal;
  }

  /** Memory of the commands and messages waiting or under way. */
  get bytes(): number {
    return this.heldTotal;
  }

  /** What the waiting commands take up in envelopes, in bytes. */
  get waitingBytes(): number {
    return this.waitingTotal;
  }

  add(command: StampedCommand): void {
    this.heldTotal += heldBytes(command.args);
    this.waitingTotal += commandBytes(command.args);
    if (!isMessage(command)) this.acceptedTotal += 1;
    this.waiting.push(command);
  }

  /** The oldest waiting commands that fit into `capacity` bytes of an envelope; they count until confirmed. */
  take(capacity: number): readonly StampedCommand[] {
    let bytes = 0;
    let count = 0;
    for (const { args } of this.waiting) {
      const next = bytes + commandBytes(args);
      if (next > capacity) break;
      bytes = next;
      count += 1;
    }
    this.waitingTotal -= bytes;
    return this.waiting.splice(0, count);
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
    const kept: StampedCommand[] = [];
    for (const command of this.waiting.toReversed()) {
      if (superseded(command)) {
        this.heldTotal -= heldBytes(command.args);
        this.waitingTotal -= commandBytes(command.args);
        this.acceptedTotal -= 1;
      } else {
        kept.push(command);
      }
    }
    this.waiting = kept.reverse();
  }

  /** Forgets commands that {@link Outbox.take} has given: the bus has them. */
  confirm(commands: readonly StampedCommand[]): void {
    for (const command of commands) {
      this.heldTotal -= heldBytes(command.args);
      if (!isMessage(command)) this.acceptedTotal -= 1;
    }
  }
}
