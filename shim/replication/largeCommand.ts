// Commands that are too large for one envelope, as messages between shims. Their large arguments travel ahead of them, as
// the chunks of one transfer.
//
//   FLY.CHUNK  transfer, offset, bytes
//   FLY.LARGE  transfer, `<index>:<bytes>,…` of the arguments that are in it, one behind the other, then the command, in
//              which those are empty; the message's stamp is the command's. Without a command: the transfer is given up

import { parseArguments } from "../resp/arguments";
import { encodeRequest } from "../resp/encoder";
import type { StampedCommand } from "./envelope";
import { parseStamp, stampText } from "./stamp";

export const CHUNK = "FLY.CHUNK";
export const LARGE = "FLY.LARGE";

/** An argument that is in a transfer. */
export interface LargeArgument {
  /** Among the command's arguments. */
  readonly index: number;
  readonly bytes: number;
}

/** A command whose large arguments are in a transfer, where they are not told apart from each other. */
export interface LargeCommand extends StampedCommand {
  readonly transfer: string;
  /** In the order in which they are in the transfer. */
  readonly large: readonly LargeArgument[];
}

/** What all chunks of a command have together, in bytes. */
export function transferBytes({ large }: LargeCommand): number {
  return large.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The arguments of a command's message. */
export function encodeLarge({ transfer, large, args }: Omit<LargeCommand, "stamp">): readonly Buffer[] {
  const places = large.map(({ index, bytes }) => `${index}:${bytes}`).join(",");
  return [Buffer.from(LARGE), Buffer.from(transfer), Buffer.from(places), ...args];
}

/** Reads what {@link encodeLarge} wrote. */
export function decodeLarge({ stamp, args }: StampedCommand): LargeCommand {
  const [, transfer, places, ...rest] = args;
  const large = String(places ?? "")
    .split(",")
    .filter((place) => place !== "")
    .map((place) => {
      const [index = 0, bytes = 0] = place.split(":").map(Number);
      return { index, bytes };
    });
  return { stamp, args: rest, transfer: String(transfer), large };
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
