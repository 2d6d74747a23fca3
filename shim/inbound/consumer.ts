// Replays the envelopes that come from the region's queue. An envelope is acknowledged only once all of it is replayed, and
// its messages are handled; what can never be replayed goes to the dead-letter queue and holds up nothing; nothing is
// received while the cluster is down.

import { once, setMaxListeners } from "node:events";
import type { Redis } from "ioredis";
import type { Logger } from "pino";
import type { Delivery, Queue } from "../bus/bus";
import { backOff } from "../replication/backoff";
import { type EnvelopeCodec, EnvelopeError, type OpenedEnvelope, type StampedCommand } from "../replication/envelope";
import { aside, type Hearing, nameOf, type Sender } from "../replication/messages";
import type { Replayer } from "../replication/replayer";
import type { ReplayFailure } from "../replication/replayOutcome";
import { type Clock, stampText } from "../replication/stamp";
import { Turns } from "../replication/turns";
import type { Front } from "./front";
import { Receiver } from "./receiver";

/** What a {@link Consumer} needs. */
export interface ConsumerOptions {
  readonly queue: Queue;
  readonly cluster: Redis;
  readonly codec: EnvelopeCodec;
  readonly clock: Clock;
  readonly replayer: Replayer;
  /** Acts on a message. Where it rejects, it is called again later. */
  readonly hear: (message: StampedCommand, from: Sender) => Promise<Hearing>;
  readonly front: Front;
  /** See {@link Receiver}. */
  readonly receiveIntervalMs: number;
  readonly log: Logger;
}

/** What is postponed comes again after this time, then after twice the time, up to what a queue's patience is anyway. */
const POSTPONED_MS = 1_000;
/** Others wait as they came: opened, an envelope takes up many times its size, and opening holds up all that goes on. */
const MAX_OPEN = 4;

/** See the head of this file. */
export class Consumer {
  private readonly options: ConsumerOptions;
  private readonly stopping = new AbortController();
  private readonly receiver: Receiver;
  private readonly openings = new Turns(() => MAX_OPEN);
  /** Of all that wait for the cluster one listens. */
  private readiness: Promise<unknown> | undefined;

  constructor(options: ConsumerOptions) {
    this.options = options;
    // Every envelope in hand may be waiting for its next try.
    setMaxListeners(0, this.stopping.signal);
    this.receiver = new Receiver({
      queue: options.queue,
      ready: () => this.clusterReady(),
      handle: (delivery) => this.deliver(delivery),
      intervalMs: options.receiveIntervalMs,
      log: options.log,
    });
  }

  start(): void {
    this.options.cluster.on("close", () => this.receiver.interrupt());
    this.receiver.start();
  }

  /** Finishes what it has received, and receives nothing more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.receiver.stop();
  }

  private async clusterReady(): Promise<void> {
    const { cluster } = this.options;
    if (cluster.status === "ready") return;
    this.readiness ??= once(cluster, "ready", { signal: this.stopping.signal })
      .catch(() => {})
      .finally(() => {
        this.readiness = undefined;
      });
    await this.readiness;
  }

  /** Whether the delivery is to be acknowledged. */
  private async deliver(delivery: Delivery): Promise<boolean> {
    const { queue, front, log } = this.options;
    let reason: string | undefined;
    const end = await this.openings.take();
    try {
      const envelope = this.open(delivery);
      if (envelope.newest) await front.observe(envelope.newest);
      const replayed = await this.replay(envelope, end);
      if (replayed === "postponed") await this.postpone(delivery);
      if (replayed === "stopped" || replayed === "postponed") return false;
      const complete = replayed === "done";
      if (!(await this.settle(envelope, delivery, complete))) return false;
      if (complete) return true;
      reason = `command ${replayed.command} with stamp ${replayed.stamp}: ${replayed.error}`;
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      reason = error.message;
    } finally {
      end();
    }
    log.error({ reason, sentAtMs: delivery.sentAtMs }, "poison: moving an envelope to the dead-letter queue");
    try {
      await queue.reject(delivery, reason);
      front.poisoned();
    } catch (error) {
      log.warn({ err: error }, "cannot reach the dead-letter queue: the envelope will come again");
      await this.postpone(delivery);
    }
    return false;
  }

  private open({ body }: Delivery): OpenedEnvelope {
    const envelope = this.options.codec.open(body);
    const { newest } = envelope;
    if (newest && !this.options.clock.observe(newest)) {
      throw new EnvelopeError(
        "malformed",
        `stamp ${stampText(newest)} is too far in the future: set that origin's clock`,
      );
    }
    return envelope;
  }

  /** Has a delivery come again, to whichever shim. */
  private async postpone(delivery: Delivery): Promise<void> {
    const { queue, log } = this.options;
    const afterMs = Math.min(POSTPONED_MS * 2 ** (delivery.receiveCount - 1), queue.visibilityMs);
    try {
      await queue.extend([delivery], afterMs);
    } catch (error) {
      log.warn({ err: error }, "cannot have a postponed envelope come again soon: it will take longer");
    }
  }

  /**
   * Until nothing transient is left.
   *
   * @param tried - told when all has been tried once: what has to be tried again holds nobody up.
   * @returns the first failure of those that can never be mended
   */
  private async replay(
    envelope: OpenedEnvelope,
    tried: () => void,
  ): Promise<"done" | "stopped" | "postponed" | ReplayFailure> {
    const { replayer, front } = this.options;
    let messages: StampedCommand[] = [];
    let poison: ReplayFailure | undefined;
    const replayed = await this.untilSettled(async () => {
      messages = [];
      const outcome = await replayer.apply(aside(envelope.commands, messages));
      tried();
      front.replayed(outcome);
      poison ??= outcome.poison[0];
      const [failure] = outcome.transient;
      return failure && { ...failure, failed: outcome.transient.length };
    });
    if (!replayed) return "stopped";
    // What a message says may be about the commands before it.
    let postponed = false;
    for (const message of messages) {
      const heard = await this.untilSettled(async () => {
        try {
          const hearing = await this.options.hear(message, envelope);
          if (hearing === "postponed") postponed = true;
          if (typeof hearing === "object") poison ??= hearing;
          return undefined;
        } catch (error) {
          return { err: error, command: nameOf(message), stamp: stampText(message.stamp) };
        }
      });
      if (!heard) return "stopped";
    }
    return postponed ? "postponed" : (poison ?? "done");
  }

  /** False where it was stopped before. */
  private settle(
    { region, oldest, newest }: OpenedEnvelope,
    { sentAtMs }: Delivery,
    complete: boolean,
  ): Promise<boolean> {
    return this.untilSettled(() =>
      this.options.front.settled({ region, oldest, newest, sentAtMs, complete }).then(
        () => undefined,
        (error: unknown) => ({ err: error }),
      ),
    );
  }

  /** Tries again while something fails, which is told for the log. False where it was stopped before. */
  private async untilSettled(attempt: () => Promise<object | undefined>): Promise<boolean> {
    const { signal } = this.stopping;
    for (let attempts = 1; ; attempts += 1) {
      const failure = await attempt();
      if (failure === undefined) return true;
      if (attempts === 1) this.options.log.warn(failure, "cannot replay now: trying again");
      await backOff(attempts, signal);
      await this.clusterReady();
      if (signal.aborted) return false;
    }
  }
}
