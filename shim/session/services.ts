// What all sessions of a shim share, and what they ask of replication.
import type { Logger } from "pino";
import type { CommandTable } from "../commands/commandTable";
import type { LocalSources } from "../commands/local";
import type { CommandSpecification } from "../commands/specification";
import type { Counters } from "../operations/counters";
import type { Confirmations } from "../replication/confirmations";
import type { EnvelopeRange } from "../replication/envelopeLog";
import type { Receipt } from "../replication/receipts";
import type { Upload } from "../replication/upload";
import type { LanePool } from "../upstream/lanePool";

/** What database 1 is to a session; `Replication` is it. */
export interface Virtual {
  /** Accepts a well-formed write, or says why not. Copies what it keeps. */
  accept(
    command: CommandSpecification,
    words: readonly Buffer[],
  ): { readonly ok: true } | { readonly ok: false; readonly error: string };
  /** Where commands are to be answered only once the bus has them: when it has. */
  readonly confirmations: Confirmations | undefined;
  /** The number of the envelope in which the newest command is. */
  readonly newestEnvelope: number;
  /**
   * Waits until so many other regions have replayed a range of this shim's envelopes, at most for a time in milliseconds;
   * of none they all have.
   *
   * @returns which have; or an error
   */
  wait(
    sent: EnvelopeRange | undefined,
    regions: number,
    timeoutMs: number,
    abandoned: () => boolean,
  ): Promise<Receipt | string>;
  /** Takes a well-formed write as its bytes come. */
  upload(command: CommandSpecification, argumentCount: number): Upload;
  /** Commands accepted so far, but for the next. */
  readonly acceptedSequence: number;
  /** Large commands accepted so far, and those that follow them on the same keys. */
  readonly slowSequence: number;
  /** Whether the replay at home of so many of both is settled. */
  isAtHome(sequence: number, slowSequence: number): boolean;
  /** Calls back once `isAtHome` is true. */
  onHome(sequence: number, slowSequence: number, callback: () => void): void;
}

/** What all sessions of a shim share. */
export interface SessionServices {
  readonly table: CommandTable;
  readonly pool: LanePool;
  readonly virtual: Virtual;
  readonly sources: LocalSources;
  readonly counters: Counters;
  readonly outputLimitBytes: number;
  /** Bytes of a command on database 1 that are gathered before it is judged. */
  readonly virtualLimitBytes: number;
  readonly log: Logger;
}
