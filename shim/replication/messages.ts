// Messages of the shims themselves: they travel like commands, with a stamp, by outbox and envelope, at least once and in
// any order, but no region replays them. Each goes to the handler of its name.

import { EncodedCommand } from "./encodedCommand";
import type { StampedCommand } from "./envelope";
import type { ReplayFailure } from "./replayOutcome";

/** Who sent a message. */
export interface Sender {
  readonly region: string;
  readonly origin: number;
}

/**
 * Acts on a message, which may come several times. Where it rejects, it is called again later, and the message's envelope
 * is kept until it succeeds: what can never succeed must not reject.
 *
 * @param report - told what has become of it, where it is not done.
 */
export type MessageHandler = (
  message: StampedCommand,
  from: Sender,
  report: (hearing: Hearing) => void,
) => Promise<void>;

/** Handlers by the name of their message, such as `FLY.PURGE`. */
export type MessageHandlers = Map<string, MessageHandler>;

/**
 * What became of a message. One that is postponed is left in the queue: all of its envelope comes again, soon at first, then
 * less and less often. A failure can never be mended: the envelope goes to the dead-letter queue.
 */
export type Hearing = "done" | "postponed" | "unknown" | ReplayFailure;

/**
 * The name of the canary, which every version of envelopes may carry. A client's ECHO is answered by its shim and never
 * replayed; a shim that knows no canaries runs it, which changes nothing.
 */
export const CANARY = "ECHO";

/** A part of a large command, and that all of it was sent: see largeCommand.ts. */
export const CHUNK = "FLY.CHUNK";
export const LARGE = "FLY.LARGE";

const CANARY_HEAD = Buffer.from(CANARY).readUInt32BE();
const LARGE_NAME = Buffer.from(LARGE);
const MESSAGE_HEAD = Buffer.from("FLY.").readUInt32BE();

function nameBytes(command: StampedCommand): number {
  return command instanceof EncodedCommand ? command.nameBytes : (command.args[0]?.length ?? 0);
}

/** Of a name of four bytes and more. */
function nameHead(command: StampedCommand): number | undefined {
  return command instanceof EncodedCommand ? command.nameHead : command.args[0]?.readUInt32BE();
}

/** Whether it is a message that version 1 of envelopes does not have, known or not: its name starts with `FLY.`. */
export function needsVersion2(command: StampedCommand): boolean {
  return nameBytes(command) > 4 && nameHead(command) === MESSAGE_HEAD;
}

/** Whether it is a canary: nobody has asked for it, so nothing is lost with it. */
export function isCanary(command: StampedCommand): boolean {
  return nameBytes(command) === 4 && nameHead(command) === CANARY_HEAD;
}

/** Whether it is a large command, whose arguments travel apart. */
export function isLarge({ args: [name] }: StampedCommand): boolean {
  return name?.length === LARGE_NAME.length && name.equals(LARGE_NAME);
}

/** Whether it is a message, and not a command. */
export function isMessage(command: StampedCommand): boolean {
  return isCanary(command) || needsVersion2(command);
}

/** Passes commands on, and puts messages aside. */
export function* aside(commands: Iterable<StampedCommand>, messages: StampedCommand[]): Generator<StampedCommand> {
  for (const command of commands) {
    if (isMessage(command)) messages.push(command);
    else yield command;
  }
}

/** The name of a message. */
export function nameOf({ args: [name] }: StampedCommand): string {
  return String(name);
}

/** Calls the handler of a message. */
export async function hear(handlers: MessageHandlers, message: StampedCommand, from: Sender): Promise<Hearing> {
  const handler = handlers.get(nameOf(message));
  if (!handler) return "unknown";
  let hearing: Hearing = "done";
  await handler(message, from, (reported) => {
    hearing = reported;
  });
  return hearing;
}
