// WAIT as database 1 takes it, with Redis's own errors.
import { hasArity, wrongArity } from "./form";
import { isInteger, notAnInteger } from "./integer";
import type { CommandSpecification } from "./specification";

/** What is waited for, or what is wrong. */
export type ReceiptRequest = { readonly regions: number; readonly timeoutMs: number } | { readonly error: string };

/** Reads the arguments of `WAIT regions timeout`. */
export function parseReceipt(command: CommandSpecification, words: readonly Buffer[]): ReceiptRequest {
  if (!hasArity(command, words.length)) return { error: wrongArity(command.name) };
  const [, regions = "", timeoutMs = ""] = words.map((word) => word.toString("latin1"));
  if (!isInteger(regions)) return { error: notAnInteger };
  if (!isInteger(timeoutMs)) return { error: "ERR timeout is not an integer or out of range" };
  if (timeoutMs.startsWith("-")) return { error: "ERR timeout is negative" };
  return { regions: Number(regions), timeoutMs: Number(timeoutMs) };
}
