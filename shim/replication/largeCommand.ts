// Commands that are too large for one envelope, as messages between shims. Their large arguments travel ahead of them, as
// the chunks of one transfer.
//
//   FLY.CHUNK  transfer, offset, bytes
//   FLY.LARGE  transfer, what is in it, then the command; the message's stamp is the command's. In the transfer are either
//              some arguments, one behind the other, which are empty in the command: `<index>:<bytes>,…`; or all arguments
//              behind the command's, as a request has them: `*<count>:<bytes>`. Without a command it is given up

import { parseArguments } from "../resp/arguments";
import { encodeRequest } from "../resp/encoder";
import type { StampedCommand } from "./envelope";
import { LARGE } from "./messages";
import { replaySteps } from "./replaySteps";
import { parseStamp, stampText } from "./stamp";
import { type Attachment, keyTooLarge } from "./upload";

/** An argument that is in a transfer. */
export interface LargeArgument {
  /** Among the command's arguments. */
  readonly index: number;
  readonly bytes: number;
}

/** Arguments behind all others, which are in a transfer as a request has them. */
export interface Tail {
  readonly count: number;
  readonly bytes: number;
}

/** A command of which a transfer has either some arguments, one behind the other, or its tail. */
export interface LargeCommand extends StampedCommand {
  readonly transfer: string;
  /** In the order in which they are in the transfer. */
  readonly large: readonly LargeArgument[];
  readonly tail?: Tail | undefined;
}

/** What all chunks of a command have together, in bytes. */
export function transferBytes({ large, tail }: LargeCommand): number {
  return large.reduce((sum, { bytes }) => sum + bytes, tail?.bytes ?? 0);
}

/** The arguments of a command's message. */
export function encodeLarge({ transfer, large, tail, args }: Omit<LargeCommand, "stamp">): readonly Buffer[] {
  const places = tail ? [`*${tail.count}:${tail.bytes}`] : large.map(({ index, bytes }) => `${index}:${bytes}`);
  return [Buffer.from(LARGE), Buffer.from(transfer), Buffer.from(places.join(",")), ...args];
}

/**
 * The message of a command whose large arguments were sent, and are empty in `command`.
 *
 * @returns or why it cannot be, in Redis's form
 */
export function attach(command: StampedCommand, { transfer, sizes, tail }: Attachment): StampedCommand | string {
  const large = [...sizes].map(([placeholder, bytes]) => ({ index: command.args.indexOf(placeholder), bytes }));
  // Only options are ever left out, and none is large.
  if (large.some(({ index }) => index < 0)) return "ERR syntax error";
  const keys = replaySteps(command).flatMap((step) =>
    step.kind === "flush" ? [] : step.kind === "other" ? step.keys : [step.key],
  );
  for (const key of keys) {
    const bytes = sizes.get(key);
    if (bytes !== undefined) return keyTooLarge(bytes);
  }
  return { stamp: command.stamp, args: encodeLarge({ transfer, large, tail, args: command.args }) };
}

/** Reads what {@link encodeLarge} wrote. */
export function decodeLarge({ stamp, args }: StampedCommand): LargeCommand {
  const [, transfer, places, ...rest] = args;
  const large: LargeArgument[] = [];
  let tail: Tail | undefined;
  for (const [, star, first, second] of String(places).matchAll(/(\*?)(\d+):(\d+)/g)) {
    const bytes = Number(second);
    if (star === "*") tail = { count: Number(first), bytes };
    else large.push({ index: Number(first), bytes });
  }
  return { stamp, args: rest, transfer: String(transfer), large, tail };
}

/** A message as bytes that a server can keep for a while. */
export function packMessage({ stamp, args }: StampedCommand): Buffer {
  return encodeRequest([stampText(stamp), ...args]);
}

/** Reads what {@link packMessage} wrote; undefined for anything else. */
export function unpackMessage(packed: Buffer): StampedCommand | undefined {
  const [text, ...args] = parseArguments(packed);
  const stamp = parseStamp(String(text));
  return stamp && { stamp, args };
}
