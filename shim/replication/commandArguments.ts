// Reads a command's arguments as Redis does. What it cannot read it answers with Redis's own error.

import { isInteger, notAnInteger } from "../commands/integer";

/** Thrown where a command cannot succeed; the message is Redis's error without its `-`. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Of a command, its name included. */
export type Arguments = readonly Buffer[];

export const MAX_INTEGER = 2n ** 63n - 1n;
export const MIN_INTEGER = -(2n ** 63n);
export const SYNTAX_ERROR = "ERR syntax error";

/** The argument that has to be there. */
export function argument(args: Arguments, index: number): Buffer {
  const found = args[index];
  if (found === undefined) throw new CommandError(SYNTAX_ERROR);
  return found;
}

/** The same in upper case. */
export function word(args: Arguments, index: number): string {
  return argument(args, index).toString("latin1").toUpperCase();
}

/** A whole number of 64 bits. */
export function integer(text: Buffer, error = notAnInteger): bigint {
  const digits = text.toString("latin1");
  if (!isInteger(digits)) throw new CommandError(error);
  return BigInt(digits);
}
