// The calls between the shim's main thread and that of the way in. What is passed is copied, and bytes along with all of the
// memory that they are a part of: messages of shims are packed into memory of their own.

import type { MessagePort, Worker } from "node:worker_threads";
import type { ClusterAddress } from "../configuration";
import type { EnvelopeKey, StampedCommand } from "../replication/envelope";
import { errorText } from "../replication/errorText";
import { packMessage, unpackMessage } from "../replication/largeCommand";
import type { Hearing, Sender } from "../replication/messages";
import type { Front } from "./front";

/** What the thread is started with. */
export interface ThreadOptions {
  readonly region: string;
  /** The shim in its stamps. */
  readonly origin: number;
  readonly cluster: ClusterAddress;
  /** That of the queues. */
  readonly awsRegion: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly busEndpoint: string | undefined;
  readonly envelopeKeys: readonly [EnvelopeKey, ...EnvelopeKey[]];
  readonly horizonMs: number;
  readonly receiveIntervalMs: number;
  /** How many commands clients have sent on database 0. */
  readonly regionalCommands: SharedArrayBuffer;
  readonly logLevel: string;
}

/** What the thread has the main one do. */
export interface MainCalls extends Omit<Front, "hear"> {
  hear(packed: Uint8Array, from: Sender): Promise<Hearing>;
  /** A request to the bus. */
  requested(operation: string): void;
}

/** Nobody waits for these. */
const unanswered = ["replayed", "purged", "poisoned", "requested"] as const satisfies (keyof MainCalls)[];

/** Takes the other side's calls, and makes calls to it. An answer may take as long as it will: a purge is long work. */
export async function callsOver<Theirs extends object, Ours extends object>(port: MessagePort | Worker, ours: Ours) {
  const { createBirpc } = await import("birpc");
  return createBirpc<Theirs, Ours>(ours, {
    post: (call) => port.postMessage(call),
    on: (take) => port.on("message", take),
    // What an error says can always be passed; what else it has, such as its cause, cannot.
    serialize: (call) => ("e" in call ? { ...call, e: new Error(errorText(call.e)) } : call),
    eventNames: [...unanswered] as (keyof Theirs)[],
    resolver: (name, act) => (unanswered.some((each) => each === name) ? unheard(act) : act),
    timeout: -1,
  });
}

/**
 * birpc drops what an unanswered call throws, since it has nobody to tell. These only count and log, so whatever they throw
 * is a bug: thrown or rejected, it becomes a rejection that is not handled, which ends the process like any other bug in
 * either thread.
 */
function unheard<Act extends (...args: never[]) => unknown>(act: Act): (...args: Parameters<Act>) => void {
  return (...args) => void (async () => act(...args))();
}

/** What {@link callsOver} gives. */
export type CallsTo<Theirs extends object, Ours extends object> = Awaited<ReturnType<typeof callsOver<Theirs, Ours>>>;

/** For {@link MainCalls.hear}. */
export function packed(message: StampedCommand): Uint8Array {
  return new Uint8Array(packMessage(message));
}

/** Reads what {@link packed} wrote. */
export function unpacked({ buffer, byteOffset, length }: Uint8Array): StampedCommand {
  const message = unpackMessage(Buffer.from(buffer, byteOffset, length));
  if (!message) throw new RangeError("what a thread was passed is no message");
  return message;
}
