// What shims have accepted, and what of it the bus got: the commands of all envelopes, of which large ones are put together
// from their chunks as docs/envelope.md has them. It shares nothing with the way in which regions do that.
import type { StampedCommand } from "@redis-on-fly/shim/dist/replication/envelope";
import { stampText } from "@redis-on-fly/shim/dist/replication/stamp";
import { parseArguments } from "@redis-on-fly/shim/dist/resp/arguments";

/** What a client was told to be accepted. */
export interface Accepted {
  /** The shim's newest stamp before, and after: the last one of the command. */
  readonly after: string;
  readonly stamp: string;
  readonly words: readonly Buffer[];
  /** How often the fabric had been at rest before. */
  readonly epoch: number;
}

/** A command as a client sent it, but for what normalising has changed. */
export interface WholeCommand extends StampedCommand {
  /** Whether it travelled in chunks. */
  readonly large: boolean;
  /** Its arguments travelled in a row, which a region's journal does not keep. */
  readonly sliced: boolean;
}

/** But for a purge, which is a client's command. */
const MESSAGE = /^(ECHO$|FLY\.(?!PURGE$))/;

/** By stamp, the commands that the envelopes have. A large one that lacks a chunk is none of them. */
export function wholeCommands(published: readonly StampedCommand[]): Map<string, WholeCommand> {
  const chunks = new Map<string, Map<number, Buffer>>();
  for (const { args } of published) {
    const [name, transfer, offset, bytes] = args;
    if (String(name) !== "FLY.CHUNK" || !bytes) continue;
    const known = chunks.get(String(transfer)) ?? new Map<number, Buffer>();
    chunks.set(String(transfer), known.set(Number(offset), bytes));
  }
  const whole = new Map<string, WholeCommand>();
  for (const { stamp, args } of published) {
    if (isLarge({ args })) {
      const [, transfer, places, ...rest] = args;
      const command = assemble(String(places), rest, chunks.get(String(transfer)) ?? new Map());
      if (command) whole.set(stampText(stamp), { stamp, large: true, ...command });
    } else if (!MESSAGE.test(String(args[0]))) {
      whole.set(stampText(stamp), { stamp, args, large: false, sliced: false });
    }
  }
  return whole;
}

/** Whether it is a large command's message, and not one that gives it up. */
export function isLarge({ args }: Pick<StampedCommand, "args">): boolean {
  return String(args[0]) === "FLY.LARGE" && args.length > 3;
}

function assemble(
  places: string,
  args: readonly Buffer[],
  chunks: ReadonlyMap<number, Buffer>,
): Pick<WholeCommand, "args" | "sliced"> | undefined {
  const [, tailCount, tailBytes] = /^\*(\d+):(\d+)$/.exec(places) ?? [];
  const large = tailCount === undefined ? places.split(",").map((place) => place.split(":").map(Number)) : [];
  const total = large.reduce((sum, [, bytes = 0]) => sum + bytes, Number(tailBytes ?? 0));
  let attached = Buffer.alloc(0);
  while (attached.length < total) {
    const next = chunks.get(attached.length);
    if (!next) return undefined;
    attached = Buffer.concat([attached, next]);
  }
  if (tailCount !== undefined) {
    const tail = parseArguments(Buffer.concat([Buffer.from(`*${tailCount}\r\n`), attached]));
    return { args: [...args, ...tail], sliced: true };
  }
  const whole = [...args];
  let at = 0;
  for (const [index = 0, bytes = 0] of large) {
    whole[index] = attached.subarray(at, at + bytes);
    at += bytes;
  }
  return { args: whole, sliced: false };
}

/** Whether a command leaves as several where it is large. */
export function isTakenApart([name]: readonly Buffer[]): boolean {
  return /^(DEL|UNLINK|MSET)$/.test(String(name));
}

/** Whether the bus got all of it. What is taken apart leaves as several commands. */
export function isPublished({ after, stamp, words }: Accepted, whole: ReadonlyMap<string, WholeCommand>): boolean {
  if (!whole.has(stamp)) return false;
  const name = String(words[0]);
  if (!isTakenApart(words)) return true;
  const origin = originOf(stamp);
  const parts = [...whole].filter(([text]) => originOf(text) === origin && text > after && text <= stamp);
  const sent = new Set(
    parts
      .filter(([, { args }]) => String(args[0]) === (name === "MSET" ? name : "UNLINK"))
      .flatMap(([, { args }]) => args.map((arg) => arg.toString("latin1"))),
  );
  return words.slice(1).every((word) => sent.has(word.toString("latin1")));
}

function originOf(stamp: string): string {
  return stamp.slice(16);
}
