// What a server says of its commands, in the terms of its COMMAND reply
// (https://redis.io/docs/latest/commands/command/). Until a server has been asked, @ioredis/commands stands in.
import packagedCommands from "@ioredis/commands/built/commands.json";

/** One command, or one subcommand of a container command. */
export interface CommandSpecification {
  /** Upper case; a subcommand carries its container's name: `XGROUP|CREATE`. */
  readonly name: string;
  /** Number of arguments, the name included; negative: at least that many. */
  readonly arity: number;
  /** Lower case, as COMMAND gives them: `write`, `readonly`, `blocking`, `admin`, `noscript`, … */
  readonly flags: ReadonlySet<string>;
  /** Index of the first key among the arguments (the name is 0); 0 where the command names no key. */
  readonly firstKey: number;
  /** Index of the last key; negative counts from the end. */
  readonly lastKey: number;
  /** Distance between two keys. */
  readonly keyStep: number;
  /** By upper-case name without the container's; empty for a plain command. */
  readonly subcommands: ReadonlyMap<string, CommandSpecification>;
}

/** One entry of a COMMAND reply, as a driver hands it out. The last field came with Redis 7.0. */
export type CommandReplyEntry = readonly [
  name: string,
  arity: number,
  flags: readonly string[],
  firstKey: number,
  lastKey: number,
  keyStep: number,
  categories?: unknown,
  tips?: unknown,
  keySpecifications?: unknown,
  subcommands?: readonly CommandReplyEntry[],
];

/** Turns a server's COMMAND reply into specifications. */
export function specificationsFrom(reply: readonly CommandReplyEntry[]): CommandSpecification[] {
  return reply.map(([name, arity, flags, firstKey, lastKey, keyStep, , , , subcommands]) => ({
    name: name.toUpperCase(),
    arity,
    flags: new Set(flags),
    firstKey,
    lastKey,
    keyStep,
    subcommands: new Map(
      specificationsFrom(subcommands ?? []).map((one) => [one.name.slice(one.name.indexOf("|") + 1), one]),
    ),
  }));
}

/** The commands that the package @ioredis/commands knows; it knows no subcommands. */
export function packagedSpecifications(): CommandSpecification[] {
  return Object.entries(packagedCommands).map(([name, { arity, flags, keyStart, keyStop, step }]) => ({
    name: name.toUpperCase(),
    arity,
    flags: new Set(flags),
    firstKey: keyStart,
    lastKey: keyStop,
    keyStep: step,
    subcommands: new Map(),
  }));
}
