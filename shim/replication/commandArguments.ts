// Reads a command's arguments as Redis does. What it cannot read it answers with Redis's own error.

/** Thrown where a command cannot succeed; the message is Redis's error without its `-`. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Of a command, its name included. */
export type Arguments = readonly Buffer[];

export const MAX_INTEGER = 2n ** 63n - 1n;
export const MIN_INTEGER = -(2n ** 63n);
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
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

/** As Redis's string2ll: no sign `+`, no leading zeros, no blanks. */
export function integer(text: Buffer, error = NOT_AN_INTEGER): bigint {
  const digits = text.toString("latin1");
  if (!/^(0|-?[1-9]\d{0,18})$/.test(digits)) throw new CommandError(error);
  const value = BigInt(digits);
  if (value > MAX_INTEGER || value < MIN_INTEGER) throw new CommandError(error);
  return value;
}
