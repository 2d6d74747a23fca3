// What a stamped command means to the replay. Its kind decides what is promised: overwrites and modifications of single
// keys end the same in every region, whatever the order of their arrival; the rest runs in that order.

import { exists, getKeyIndexes } from "@ioredis/commands";
import type { CommandSpecification } from "../commands/specification";
import type { StampedCommand } from "./envelope";
import type { Stamp } from "./stamp";

/** A command equals several commands over some of its arguments each. */
export interface Slices {
  /** Arguments that each begins with, the name included. */
  readonly lead: number;
  /** Arguments that belong together. */
  readonly group: number;
}

/** One part of a command that the replay applies or skips as a whole. */
export type ReplayStep = {
  readonly stamp: Stamp;
  readonly args: readonly Buffer[];
} & (
  | {
      /** Its result does not depend on what was there. */
      readonly kind: "overwrite";
      readonly key: Buffer;
      /** What it leaves: `-` nothing, `+` a value, `x<ms>` one that expires then. */
      readonly leaves: string;
      /** Where the value was put together in database 1: its key there stands for it among the arguments. */
      readonly assembled?: boolean;
    }
  | {
      /** Its result depends on what was there under that key, and on nothing else. */
      readonly kind: "modification";
      readonly key: Buffer;
      /** Index of an instant in milliseconds among the arguments; 0 where there is none. */
      readonly instantIndex: number;
      /** How it is run where it has more arguments than can be handed over at once. */
      readonly slices?: Slices;
    }
  | { readonly kind: "other"; readonly keys: readonly Buffer[] }
  | { readonly kind: "flush" }
);

const set = Buffer.from("SET");

/** Their results are random, or depend on when they run. */
const unrepeatable = new Set(["SPOP", "XAUTOCLAIM", "XCLAIM", "XREADGROUP"]);

/** Whether it is known where the command has its keys: else its server has to be asked. */
export function hasKnownKeys({ args: [name] }: StampedCommand): boolean {
  return String(name) === "MSETEX" || exists(String(name), { caseInsensitive: true });
}

/** Where commands say how many keys they have, which the package takes for true: it would count to any number. */
const keyCounts: ReadonlyMap<string, number> = new Map([
  ["ZUNIONSTORE", 2],
  ["ZINTERSTORE", 2],
  ["ZDIFFSTORE", 2],
  ["LMPOP", 1],
  ["ZMPOP", 1],
]);

/** Indexes of the keys among the arguments; undefined where nobody knows. */
function keyIndexes(
  name: string,
  args: readonly Buffer[],
  specification: CommandSpecification | undefined,
): readonly number[] | undefined {
  if (name === "XGROUP") return [2];
  const count = keyCounts.get(name);
  // Redis has an error then.
  if (count !== undefined && !(Number(args[count]) < args.length)) return undefined;
  if (!specification) {
    try {
      return getKeyIndexes(name, args.slice(1), { nameCaseInsensitive: true }).map((index) => index + 1);
    } catch {
      return undefined;
    }
  }
  const { flags, firstKey, lastKey, keyStep } = specification;
  if (firstKey === 0 || flags.has("movablekeys")) return undefined;
  const last = lastKey < 0 ? args.length + lastKey : lastKey;
  const indexes: number[] = [];
  for (let index = firstKey; index <= last; index += keyStep) indexes.push(index);
  return indexes;
}

/** The keys, each once. */
function keysOf(
  name: string,
  args: readonly Buffer[],
  specification: CommandSpecification | undefined,
): readonly Buffer[] | undefined {
  const keys = keyIndexes(name, args, specification)?.flatMap((index) => args[index] ?? []);
  return keys && [...new Map(keys.map((key) => [key.toString("latin1"), key])).values()];
}

/** Where normalisation has left an instant. */
function instantIndex(name: string, args: readonly Buffer[]): number {
  if (name === "PEXPIREAT" || name === "HPEXPIREAT") return 2;
  if (name === "RESTORE") return String(args[2]) === "0" ? 0 : 2;
  const hasFields = name === "HSETEX" || name === "HGETEX";
  const last = (hasFields ? args.findIndex((arg) => /^FIELDS$/i.test(String(arg))) : args.length) - 1;
  const expires = (hasFields || /^(SET|GETEX|INCREX)$/.test(name)) && String(args[last - 1]) === "PXAT";
  return expires && /^\d+$/.test(String(args[last])) ? last : 0;
}

/** What a SET leaves that looks at nothing; undefined where one of its options does. */
export function setLeaves(args: readonly Buffer[]): string | undefined {
  if (args.length === 3) return "+";
  return args.length === 5 && String(args[3]) === "PXAT" ? `x${args[4]}` : undefined;
}

/** Keys and values in turn. Of a key that is named twice the last value counts, which one stamp for both would hide. */
function lastValues(pairs: readonly Buffer[]): readonly (readonly [key: Buffer, value: Buffer])[] {
  const values = new Map<string, readonly [Buffer, Buffer]>();
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const [key, value] = [pairs[index], pairs[index + 1]];
    if (key !== undefined && value !== undefined) values.set(key.toString("latin1"), [key, value]);
  }
  return [...values.values()];
}

/** MSETEX is a SET of each key, unless all depend on what is under all. */
function multipleSet({ stamp, args }: StampedCommand): readonly ReplayStep[] {
  const end = 2 + 2 * Number(args[1]);
  const pairs = lastValues(args.slice(2, end));
  const options = args.slice(end);
  const keys = pairs.map(([key]) => key);
  if (keys.length > 1 && options.some((option) => /^[NX]X$/.test(String(option)))) {
    return [{ kind: "other", stamp, keys, args }];
  }
  return pairs.flatMap(([key, value]) => replaySteps({ stamp, args: [set, key, value, ...options] }));
}

/**
 * The steps of one normalised command, in its own order.
 *
 * @param specification - what the server says of a command without {@link hasKnownKeys}: where nobody has asked, it counts as
 * one that has no order but that of its arrival.
 */
export function replaySteps(
  { stamp, args }: StampedCommand,
  specification?: CommandSpecification,
): readonly ReplayStep[] {
  const [command, key] = args;
  const name = String(command);
  if (command === undefined || key === undefined) {
    return name === "FLUSHALL" ? [{ kind: "flush", stamp, args }] : [{ kind: "other", stamp, keys: [], args }];
  }
  if (name === "UNLINK") {
    const keys = new Map(args.slice(1).map((each) => [each.toString("latin1"), each]));
    return [...keys.values()].map((each) => ({
      kind: "overwrite",
      stamp,
      key: each,
      leaves: "-",
      args: [command, each],
    }));
  }
  if (name === "MSET") {
    return lastValues(args.slice(1)).map(([each, value]) => {
      return { kind: "overwrite", stamp, key: each, leaves: "+", args: [set, each, value] };
    });
  }
  if (name === "MSETEX") return multipleSet({ stamp, args });
  const leaves = name === "SET" ? setLeaves(args) : undefined;
  if (leaves !== undefined) return [{ kind: "overwrite", stamp, key, leaves, args }];
  const keys = keysOf(name, args, specification);
  const [only] = keys ?? [];
  if (keys?.length === 1 && only && !unrepeatable.has(name)) {
    return [{ kind: "modification", stamp, key: only, instantIndex: instantIndex(name, args), args }];
  }
  // Commands are made with their key first.
  return [{ kind: "other", stamp, keys: keys ?? [key], args }];
}
