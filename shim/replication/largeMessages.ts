// The messages of large commands: a chunk is kept until its command is complete, which is then replayed.

import type { StampedCommand } from "./envelope";
import { decodeLarge } from "./largeCommand";
import { CHUNK, type Hearing, LARGE, type MessageHandlers } from "./messages";
import type { ReplayOutcome } from "./replayOutcome";
import type { Transfers } from "./transfers";

/** What {@link handleLargeMessages} needs. */
export interface LargeMessagesOptions {
  readonly region: string;
  readonly transfers: Transfers;
  /** Told what became of a command. */
  readonly replayed: (outcome: ReplayOutcome) => void;
}

/** What a chunk's message says, as {@link Transfers.store} wants it. */
export function chunkOf({ args }: StampedCommand): [transfer: string, offset: number, bytes: Buffer] {
  const [, transfer, offset, bytes = Buffer.alloc(0)] = args;
  return [String(transfer), Number(offset), bytes];
}

/** Adds the handlers of both messages. */
export function handleLargeMessages(
  handlers: MessageHandlers,
  { region, transfers, replayed }: LargeMessagesOptions,
): void {
  handlers.set(CHUNK, async (message, _, report) => {
    const outcome = await transfers.store(...chunkOf(message));
    if (outcome) report(settle(outcome));
  });
  handlers.set(LARGE, async (message, from, report) => {
    const command = decodeLarge(message);
    if (command.args.length === 0) {
      // Its own region knows better.
      if (from.region !== region) await transfers.discard(command.transfer);
      return;
    }
    const outcome = await transfers.complete(command);
    // Its chunks will complete it, or it comes again until it is too late for that.
    report(outcome ? settle(outcome) : "postponed");
  });

  /** @throws Error where the command is worth another try */
  function settle(outcome: ReplayOutcome): Hearing {
    replayed(outcome);
    const [failure] = outcome.transient;
    if (failure) throw new Error(`${failure.command} with stamp ${failure.stamp}: ${failure.error}`);
    return outcome.poison[0] ?? "done";
  }
}
