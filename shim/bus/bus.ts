// What replication asks of the way between regions: every published envelope reaches every region's queue at least once,
// late, in any order. Nothing here promises more. Methods reject when the bus cannot be reached; they retry little on their
// own.

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

/** Where a region's envelopes go. */
export interface Topic {
  /**
   * Sends one sealed envelope to every region, this one included.
   *
   * @param body - base64url.
   */
  publish(body: string): Promise<void>;
  /** Lets go of connections; whatever is under way fails. */
  close(): Promise<void>;
}

/** Where all regions' envelopes come to a region. */
export interface Queue {
  /** As many deliveries as one {@link receive} brings now: where so many come, more are waiting. */
  readonly batchSize: number;
  /** For how long a delivery is kept from others, counted from its receipt or from its last {@link extend}. */
  readonly visibilityMs: number;
  /** Waits for envelopes; none after some seconds without. Aborting makes it reject. */
  receive(signal: AbortSignal): Promise<readonly Delivery[]>;
  /**
   * Keeps deliveries from others for so long from now on, and no longer.
   *
   * @param forMs - whole seconds, in milliseconds. @default {@link visibilityMs}
   */
  extend(deliveries: readonly Delivery[], forMs?: number): Promise<void>;
  /** Says that this need not come again; settles when the bus knows, which may wait for others to go with it. */
  acknowledge(delivery: Delivery): Promise<void>;
  /** Sets a delivery aside in the dead-letter queue for a person to look at, and acknowledges it. */
  reject(delivery: Delivery, reason: string): Promise<void>;
  /** Passes on what was acknowledged, then lets go of connections; whatever else is under way fails. */
  close(): Promise<void>;
}
