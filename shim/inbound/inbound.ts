// The way in: envelopes come from the region's queue, and are replayed over a connection of its own. What concerns clients
// goes to the front; so does what is to be done for this shim's own commands, which the front is at work on.

import type { RedisOptions } from "ioredis";
import type { Logger } from "pino";
import type { Queue } from "../bus/bus";
import { EnvelopeCodec, type EnvelopeKey, type StampedCommand } from "../replication/envelope";
import { chunkOf, handleLargeMessages } from "../replication/largeMessages";
import { CHUNK, type Hearing, hear, type MessageHandlers, nameOf, type Sender } from "../replication/messages";
import { PURGE, Purger } from "../replication/purge";
import { ReplayConnection } from "../replication/replayConnection";
import { Transfers } from "../replication/transfers";
import { Consumer } from "./consumer";
import type { Front, Incoming } from "./front";

/** What an {@link Inbound} needs. */
export interface InboundOptions {
  readonly region: string;
  /** The shim in its stamps. */
  readonly origin: number;
  readonly cluster: Omit<RedisOptions, "replyMapping">;
  readonly queue: Queue;
  /** All open. */
  readonly envelopeKeys: readonly [EnvelopeKey, ...EnvelopeKey[]];
  readonly horizonMs: number;
  /** From one receive to the next, at least, while messages keep coming. */
  readonly receiveIntervalMs: number;
  /** How many commands clients have sent on database 0 so far: they wait behind what is replayed. @default none ever */
  readonly regionalCommands?: (() => number) | undefined;
  readonly log: Logger;
}

/** See the head of this file. */
export class Inbound implements Incoming {
  private readonly options: InboundOptions;
  private readonly front: Front;
  private readonly connection: ReplayConnection;
  private readonly consumer: Consumer;
  private readonly transfers: Transfers;
  private readonly handlers: MessageHandlers = new Map();

  constructor(options: InboundOptions, front: Front) {
    this.options = options;
    this.front = front;
    this.connection = new ReplayConnection({ ...options, role: "inbound" });
    const { region, queue, envelopeKeys, horizonMs, receiveIntervalMs, log } = options;
    const { cluster, clock, replayer } = this.connection;
    const transfers = new Transfers({ cluster, replayer, horizonMs });
    this.transfers = transfers;
    const purger = new Purger({ cluster, replayer, purged: (purge, outcome) => front.purged(purge, outcome) });
    handleLargeMessages(this.handlers, { region, transfers, replayed: (outcome) => front.replayed(outcome) });
    this.handlers.set(PURGE, purger.handle);
    this.consumer = new Consumer({
      queue,
      cluster,
      codec: new EnvelopeCodec(envelopeKeys),
      clock,
      replayer,
      hear: (message, from) => this.hear(message, from),
      front,
      receiveIntervalMs,
      log,
    });
  }

  async start(): Promise<void> {
    await this.connection.start();
    this.consumer.start();
  }

  async stop(): Promise<void> {
    await this.consumer.stop();
  }

  async close(): Promise<void> {
    this.connection.close();
    await this.options.queue.close();
  }

  private async hear(message: StampedCommand, from: Sender): Promise<Hearing> {
    const { front, handlers } = this;
    const name = nameOf(message);
    const ours = from.origin === this.options.origin;
    if (!ours && handlers.has(name)) return hear(handlers, message, from);
    if (!ours || name !== CHUNK) return front.hear(message, from);
    // Passing it on would copy it.
    const completed = await this.transfers.keep(...chunkOf(message));
    return completed ? front.hear(completed, from) : "done";
  }
}
