// Keys that are invalidated instead of copied: an overwrite of one leaves its value at home, and nothing in the other
// regions, under one stamp: by that the home region knows its own copy of the deletion, which changes nothing there.

import { keyPattern } from "./keyPattern";
import { setLeaves } from "./replaySteps";

type Arguments = readonly Buffer[];

/** A command taken apart. */
export interface Invalidating {
  /** What all regions replay. */
  readonly everywhere?: Arguments;
  /** What the home region alone replays, */
  readonly home: Arguments;
  /** and what the others replay under the same stamp. */
  readonly elsewhere: Arguments;
}

const unlink = Buffer.from("UNLINK");

/** See the head of this file. */
export class Invalidation {
  private readonly patterns: readonly ((key: Buffer) => boolean)[];

  /** @param patterns - of keys, as KEYS has them. */
  constructor(patterns: readonly string[]) {
    this.patterns = patterns.map((pattern) => keyPattern(Buffer.from(pattern)));
  }

  /** Takes a normalised command apart; undefined where all regions replay it as it is. */
  split(args: Arguments): Invalidating | undefined {
    const [name, key] = args;
    if (name === undefined || key === undefined) return undefined;
    switch (String(name)) {
      case "SET":
        return setLeaves(args) !== undefined && this.matches(key)
          ? { home: args, elsewhere: [unlink, key] }
          : undefined;
      case "MSET":
        return this.splitPairs(name, args);
      default:
        return undefined;
    }
  }

  private splitPairs(name: Buffer, args: Arguments): Invalidating | undefined {
    const home = [name];
    const everywhere = [name];
    const elsewhere: Buffer[] = [unlink];
    for (const [index, arg] of args.entries()) {
      if (index % 2 === 0) continue;
      const value = args[index + 1] ?? Buffer.alloc(0);
      if (this.matches(arg)) {
        home.push(arg, value);
        elsewhere.push(arg);
      } else {
        everywhere.push(arg, value);
      }
    }
    if (home.length === 1) return undefined;
    return { ...(everywhere.length > 1 && { everywhere }), home, elsewhere };
  }

  private matches(key: Buffer): boolean {
    return this.patterns.some((matches) => matches(key));
  }
}
