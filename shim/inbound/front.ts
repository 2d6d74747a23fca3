// What the way in reports to, which may be on another thread: the part of the shim that clients talk to.

import type { StampedCommand } from "../replication/envelope";
import type { Hearing, Sender } from "../replication/messages";
import type { ReplayOutcome } from "../replication/replayOutcome";
import type { Stamp } from "../replication/stamp";

/** An envelope of which all has been replayed that can be. */
export interface SettledEnvelope {
  readonly region: string;
  readonly oldest: Stamp | undefined;
  readonly newest: Stamp | undefined;
  /** When the bus took it, by the bus's clock. */
  readonly sentAtMs: number;
  /** Whether that is all of it. */
  readonly complete: boolean;
}

/** See the head of this file. */
export interface Front {
  /** Moves the clock past a stamp that is about to be replayed: what is accepted once it shows is newer. */
  observe(stamp: Stamp): Promise<void>;
  /** Acts on a message. Where it rejects, it is called again later. */
  hear(message: StampedCommand, from: Sender): Promise<Hearing>;
  /** Takes note of an envelope. Where it rejects, it is called again later; only then is the envelope acknowledged. */
  settled(envelope: SettledEnvelope): Promise<void>;
  replayed(outcome: ReplayOutcome): void;
  /** Keys were deleted for a purge, which its stamp and pattern name. */
  purged(purge: string, outcome: ReplayOutcome): void;
  /** An envelope goes to the dead-letter queue. */
  poisoned(): void;
}

/** The way in, as replication starts and stops it. */
export interface Incoming {
  /** Receives once the cluster can be reached; waits for two seconds at most for that. */
  start(): Promise<void>;
  /** Finishes what it has received, and receives nothing more. */
  stop(): Promise<void>;
  /** Passes on what is acknowledged, and lets go of connections; whatever else is under way fails. */
  close(): Promise<void>;
}
