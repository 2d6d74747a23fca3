// What replication asks of the way between regions: every published envelope reaches every region's queue at least once,
// late, in any order. Nothing here promises more.

/** One envelope as a queue handed it out. It comes again unless it is acknowledged or rejected. */
export interface Delivery {
  readonly body: string;
  /** When the bus took the envelope, by the bus's clock. */
  readonly sentAtMs: number;
  /** How often it has been handed out, this time included. */
  readonly receiveCount: number;
  /** Names this delivery to the bus. */
  readonly handle: string;
}

/** One region's end of the bus. Its methods reject when the bus cannot be reached; they retry little on their own. */
export interface Bus {
  /** Sends one sealed envelope to every region, this one included. */
  publish(body: string): Promise<void>;
  /** Waits for envelopes; none after some seconds without. Aborting makes it reject. */
  receive(signal: AbortSignal): Promise<readonly Delivery[]>;
  /** Says that these need not come again. */
  acknowledge(deliveries: readonly Delivery[]): Promise<void>;
  /** Sets a delivery aside in the dead-letter queue for a person to look at, and acknowledges it. */
  reject(delivery: Delivery, reason: string): Promise<void>;
  /** Lets go of connections; what is under way fails. */
  close(): void;
}
