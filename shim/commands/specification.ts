// What a server says of a command, in the terms of its COMMAND reply (https://redis.io/docs/latest/commands/command/).

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
