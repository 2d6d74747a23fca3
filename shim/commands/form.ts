// Whether a command is well-formed in the sense of the server: known, its subcommand known, its arity right. The texts
// are Redis's own (processCommand and commandCheckArity in its server.c).
import type { CommandSpecification } from "./specification";

/** Either the command, or for a container its subcommand, or what is wrong with it. */
export type Form = { readonly command: CommandSpecification } | { readonly error: string };

/** Checks the arguments of a known command. */
export function checkForm(command: CommandSpecification, words: readonly Buffer[]): Form {
  let called = command;
  if (command.subcommands.size > 0 && words.length > 1) {
    const name = printable(words[1]);
    const subcommand = command.subcommands.get(name.toUpperCase());
    if (!subcommand) {
      return { error: `ERR unknown subcommand '${name.slice(0, 128)}'. Try ${command.name} HELP.` };
    }
    called = subcommand;
  }
  return hasArity(called, words.length) ? { command: called } : { error: wrongArity(called.name) };
}

/** Whether a command may have so many arguments, its name included. */
export function hasArity({ arity }: CommandSpecification, count: number): boolean {
  return arity < 0 ? count >= -arity : count === arity;
}

/** Redis's error for a wrong number of arguments. */
export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name.toLowerCase()}' command`;
}

/** Redis's error for a command that it does not have, with the beginning of its arguments. */
export function unknownCommand(words: readonly Buffer[]): string {
  let shown = "";
  for (const word of words.slice(1)) {
    if (shown.length >= 128) break;
    shown += `'${printable(word).slice(0, 128 - shown.length)}' `;
  }
  return `ERR unknown command '${printable(words[0]).slice(0, 128)}', with args beginning with: ${shown}`;
}

/** Bytes as characters one to one, up to a NUL, at which C takes a text to end. */
export function printable(word: Buffer | undefined): string {
  return word?.toString("latin1").split("\0", 1)[0] ?? "";
}

/** The subcommand where the command is a container's; the container where it has no such one. */
export function calledCommand(command: CommandSpecification, words: readonly Buffer[]): CommandSpecification {
  if (command.subcommands.size === 0) return command;
  return command.subcommands.get(words[1]?.toString("latin1").toUpperCase() ?? "") ?? command;
}
