// What a stamped command means to the replay: overwrites of single keys, whose newest wins; a FLUSHALL; or anything else,
// which depends on what was there before.

import { getKeyIndexes } from "@ioredis/commands";
import type { StampedCommand } from "./envelope";
import type { Stamp } from "./stamp";

/** One part of a command that the replay applies or skips as a whole. */
export type ReplayStep =
  | { readonly kind: "overwrite"; readonly stamp: Stamp; readonly key: Buffer; readonly args: readonly Buffer[] }
  | {
      readonly kind: "other";
      readonly stamp: Stamp;
      readonly keys: readonly Buffer[];
      readonly args: readonly Buffer[];
    }
  | { readonly kind: "flush"; readonly stamp: Stamp };

const set = Buffer.from("SET");

/** SET and RESTORE overwrite where none of their options looks at the old value, and RESTORE's says so. */
function overwrites(name: string, args: readonly Buffer[]): boolean {
  if (name === "SET") return args.length === 3 || (args.length === 5 && String(args[3]) === "PXAT");
  return name === "RESTORE" && args.some((arg, index) => index > 3 && String(arg) === "REPLACE");
}

function keysOf(name: string, args: readonly Buffer[]): readonly Buffer[] {
  let indexes: readonly number[];
  try {
    indexes = name === "XGROUP" ? [1] : getKeyIndexes(name, args.slice(1), { nameCaseInsensitive: true });
  } catch {
    // Newer than the package's table; commands are made with their key first.
    indexes = [0];
  }
  return indexes.flatMap((index) => args[index + 1] ?? []);
}

/** The steps of one normalised command, in its own order. */
export function replaySteps({ stamp, args }: StampedCommand): readonly ReplayStep[] {
  const [command, key] = args;
  const name = String(command);
  if (command === undefined || key === undefined) {
    return name === "FLUSHALL" ? [{ kind: "flush", stamp }] : [{ kind: "other", stamp, keys: [], args }];
  }
  if (overwrites(name, args)) return [{ kind: "overwrite", stamp, key, args }];
  if (name === "UNLINK") {
    return args.slice(1).map((each) => ({ kind: "overwrite", stamp, key: each, args: [command, each] }));
  }
  if (name === "MSET") {
    const steps: ReplayStep[] = [];
    // Of a key that is named twice the last value counts, which one stamp for both would hide.
    const values = new Map<string, readonly [Buffer, Buffer]>();
    for (let index = 1; index + 1 < args.length; index += 2) {
      const [each, value] = [args[index], args[index + 1]];
      if (each !== undefined && value !== undefined) values.set(each.toString("latin1"), [each, value]);
    }
    for (const [each, value] of values.values()) {
      steps.push({ kind: "overwrite", stamp, key: each, args: [set, each, value] });
    }
    return steps;
  }
  return [{ kind: "other", stamp, keys: keysOf(name, args), args }];
}
