// Database 1 as the rest of the shim sees it: commands are accepted here, replayed at home and sent to every region, and
// other regions' commands arrive. What has been accepted is in the outbox until the bus has it.

import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisOptions } from "ioredis";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Topic } from "../bus/bus";
import type { CommandSpecification } from "../commands/specification";
import type { Front, Incoming } from "../inbound/front";
import { Arrivals } from "./arrivals";
import { Canary } from "./canary";
import { Confirmations } from "./confirmations";
import { commandsCapacity, EnvelopeCodec, type EnvelopeKey, type StampedCommand } from "./envelope";
import type { EnvelopeRange } from "./envelopeLog";
import { Figures, type ReplicationFigures } from "./figures";
import { HomeReplay } from "./homeReplay";
import { type Acceptance, Intake } from "./intake";
import { decodeLarge } from "./largeCommand";
import { handleLargeMessages } from "./largeMessages";
import { aside, CANARY, type MessageHandlers } from "./messages";
import { Outbox } from "./outbox";
import { Publisher } from "./publisher";
import { PURGE, Purger } from "./purge";
import { ASK, RECEIPT, type Receipt, Receipts } from "./receipts";
import { type RegionFigures, Regions, type Report } from "./regions";
import { ReplayConnection } from "./replayConnection";
import { logPoison, type ReplayOutcome } from "./replayOutcome";
import { Segment } from "./segment";
import { Transfers } from "./transfers";
import type { Upload } from "./upload";

/** What a {@link Replication} needs. */
export interface ReplicationOptions {
  readonly region: string;
  /** Names this process in its stamps, 32 bits. @default random: a restarted shim is another origin */
  readonly origin?: number;
  /** Where the region's cluster is. How commands fail while it is down is not the caller's to say. */
  readonly cluster: Omit<RedisOptions, "replyMapping">;
  readonly topic: Topic;
  /** Makes the way in, which reports to the front. @param origin - this process in its stamps */
  readonly inbound: (front: Front, origin: number) => Incoming;
  /** The first seals. */
  readonly envelopeKeys: readonly [EnvelopeKey, ...EnvelopeKey[]];
  readonly publishIntervalMs: number;
  readonly outboxMaxBytes: number;
  /** Time for the bus to confirm commands in, where they are answered only then. @default they are answered at once */
  readonly confirmWithinMs?: number | undefined;
  /** The newest version of envelopes that is written, and that others are told to write. */
  readonly envelopeVersion: number;
  /** Size of one bus message. */
  readonly envelopeMaxBytes: number;
  /** Patterns of keys that are invalidated in other regions instead of copied there. @default none */
  readonly invalidate?: readonly string[];
  readonly horizonMs: number;
  /** What records may take up while they are kept for longer than the horizon. */
  readonly recordsMaxBytes: number;
  /** Bytes that one command's large arguments may have together. */
  readonly largeCommandMaxBytes: number;
  /** How many commands clients have sent on database 0 so far: they wait behind what is replayed. @default none ever */
  readonly regionalCommands?: () => number;
  /** From one canary to the next; 0: none are sent, and records are kept for the horizon only. */
  readonly canaryIntervalMs: number;
  readonly log: Logger;
  readonly registry: Registry;
}

const GOODBYE_TIMEOUT_MS = 1_000;

/** See the head of this file. */
export class Replication {
  /** Where commands are to be answered only once the bus has them: when it has. */
  readonly confirmations: Confirmations | undefined;
  private readonly options: ReplicationOptions;
  private readonly connection: ReplayConnection;
  private readonly incoming: Incoming;
  private readonly codec: EnvelopeCodec;
  private readonly outbox: Outbox;
  private readonly publisher: Publisher;
  private readonly receipts: Receipts;
  private readonly home: HomeReplay;
  private readonly regions: Regions;
  private readonly transfers: Transfers;
  private readonly intake: Intake;
  private readonly canary: Canary;
  private readonly tally: Figures;
  /** With the cluster, for the first time, or that it takes too long. */
  private contact: Promise<void> | undefined;

  constructor(options: ReplicationOptions) {
    const { region, origin = randomInt(2 ** 32), topic, horizonMs, log, confirmWithinMs } = options;
    this.options = options;
    this.confirmations = confirmWithinMs === undefined ? undefined : new Confirmations(confirmWithinMs);
    this.connection = new ReplayConnection({ ...options, origin, role: "home" });
    const { cluster, clock, replayer } = this.connection;
    const capacity = commandsCapacity(region, options.envelopeMaxBytes);
    this.outbox = new Outbox(origin, capacity);
    this.tally = new Figures(
      origin.toString(16).padStart(8, "0"),
      this.outbox,
      () => this.canaryAges(),
      options.registry,
    );
    const codec = new EnvelopeCodec(options.envelopeKeys);
    this.codec = codec;
    this.publisher = new Publisher({
      topic,
      outbox: this.outbox,
      confirmations: this.confirmations,
      seal: (commands) => codec.seal(region, commands),
      intervalMs: options.publishIntervalMs,
      log,
    });
    this.home = new HomeReplay((commands) => this.replayAtHome(commands));
    this.regions = new Regions(cluster, options.envelopeVersion);
    this.transfers = new Transfers({ cluster, replayer, horizonMs });
    this.canary = new Canary({
      intervalMs: options.canaryIntervalMs,
      recordsMaxBytes: options.recordsMaxBytes,
      regions: this.regions,
      replayer,
      clock,
      report: () => this.report(false),
      // While the bus is away they would pile up.
      send: (text) => this.publisher.blocked || this.intake.send(CANARY, text),
      log,
    });
    const purger = new Purger({ cluster, replayer, purged: (purge, outcome) => arrivals.purged(purge, outcome) });
    this.receipts = new Receipts({
      region,
      cluster,
      clock,
      horizonMs,
      capacity,
      others: () => Object.keys(this.regionFigures()).filter((name) => name !== region),
      // Whoever waits could fill the outbox, of which half is for commands alone.
      send: (name, ...args) =>
        this.publisher.blocked || this.outbox.bytes > options.outboxMaxBytes / 2
          ? undefined
          : this.intake.send(name, ...args),
    });
    this.intake = new Intake({
      clock,
      capacity,
      outbox: this.outbox,
      outboxMaxBytes: options.outboxMaxBytes,
      publisher: this.publisher,
      confirmations: this.confirmations,
      home: this.home,
      envelopes: this.receipts.log,
      regions: this.regions,
      transfers: this.transfers,
      largeCommandMaxBytes: options.largeCommandMaxBytes,
      horizonMs,
      purger,
      invalidate: options.invalidate ?? [],
      figures: this.tally,
      log,
    });
    const handlers: MessageHandlers = new Map([
      [CANARY, (message, from) => this.canary.hear(message, from)],
      [ASK, (message, from) => this.receipts.asked(message, from)],
      [RECEIPT, (message, from) => this.receipts.answered(message, from)],
      // Of what this shim has sent itself; the way in acts on others'.
      [PURGE, purger.handle],
    ]);
    const arrivals = new Arrivals({
      clockSet: () => this.contact,
      clock,
      handlers,
      receipts: this.receipts,
      regions: this.regions,
      figures: this.tally,
      log,
    });
    handleLargeMessages(handlers, {
      region,
      transfers: this.transfers,
      replayed: (outcome) => arrivals.replayed(outcome),
    });
    this.incoming = options.inbound(arrivals, origin);
  }

  /**
   * Connects to the cluster, sets the clock by it and starts to receive. Waits for two seconds at most: with the cluster
   * or the bus down it goes on trying in the background.
   */
  async start(): Promise<void> {
    this.contact = this.connection.start();
    await Promise.all([this.contact, this.incoming.start()]);
    this.canary.start();
  }

  /** See {@link Intake.accept}. */
  accept(command: CommandSpecification, args: readonly Buffer[]): Acceptance {
    return this.intake.accept(command, args);
  }

  /** See {@link Intake.upload}. */
  upload(command: CommandSpecification, argumentCount: number): Upload {
    return this.intake.upload(command, argumentCount);
  }

  /** The number of the envelope in which the newest command is. */
  get newestEnvelope(): number {
    return this.receipts.log.newest;
  }

  /**
   * Waits until so many other regions have replayed a range of this shim's envelopes; of none they all have.
   *
   * @param timeoutMs - 0: a minute, which is also the most.
   * @param abandoned - whether nobody waits any more.
   * @returns which have; or an error in Redis's form
   */
  async wait(
    sent: EnvelopeRange | undefined,
    regions: number,
    timeoutMs: number,
    abandoned: () => boolean,
  ): Promise<Receipt | string> {
    if (sent && !this.regions.everyRegionReads(2)) {
      return "ERR WAIT is not known to all regions' shims yet, upgrade them first";
    }
    return this.receipts.wait(sent, regions, timeoutMs, abandoned);
  }

  /** How many commands have been accepted, but for those that {@link Replication.slowSequence} counts. */
  get acceptedSequence(): number {
    return this.home.quick.accepted;
  }

  /** How many large commands, and commands that follow them on the same keys, have been accepted. */
  get slowSequence(): number {
    return this.home.slow.accepted;
  }

  /** Whether so many of both are settled in this region: replayed, or left to the copy that comes over the bus. */
  isAtHome(sequence: number, slowSequence: number): boolean {
    return this.home.quick.settled >= sequence && this.home.slow.settled >= slowSequence;
  }

  /** Calls back once {@link Replication.isAtHome} is true; at once, synchronously, where it is. */
  onHome(sequence: number, slowSequence: number, callback: () => void): void {
    this.home.quick.onSettled(sequence, () => this.home.slow.onSettled(slowSequence, callback));
  }

  /**
   * Publishes what is in the outbox, finishes home replays and the envelopes in hand, and closes connections. Nothing
   * may be accepted any more. Where the time is not enough for an envelope, it comes again to another shim.
   *
   * @param timeoutMs - how long all of it may take.
   * @returns how many accepted commands the bus did not get.
   */
  async drain(timeoutMs: number): Promise<{ readonly lost: number }> {
    this.canary.stop();
    this.receipts.stop();
    const settled = new Promise<void>((resolve) => this.onHome(this.acceptedSequence, this.slowSequence, resolve));
    const finished = Promise.all([this.publisher.drain(timeoutMs), this.incoming.stop(), settled]);
    await Promise.race([finished, sleep(timeoutMs, undefined, { ref: false })]);
    if (this.outbox.commands === 0) await this.sayGoodbye();
    this.connection.close();
    await Promise.all([this.options.topic.close(), this.incoming.close()]);
    return { lost: this.outbox.commands };
  }

  /** For INFO. */
  figures(): ReplicationFigures {
    return this.tally.snapshot();
  }

  /** For INFO: every region, this one included, as canaries tell. */
  regionFigures(): Readonly<Record<string, RegionFigures>> {
    return this.regions.figures(this.connection.clock.nowMs());
  }

  /** Nothing of this shim is outstanding: nobody need wait for it. Where the bus does not take that, they find out. */
  private async sayGoodbye(): Promise<void> {
    const { topic, region, canaryIntervalMs } = this.options;
    if (canaryIntervalMs === 0) return;
    const stamp = this.connection.clock.next();
    const args = [Buffer.from(CANARY), Buffer.from(JSON.stringify(this.report(true)))];
    const farewell = new Segment(stamp.origin);
    farewell.append({ stamp, args });
    const body = this.codec.seal(region, farewell);
    await Promise.race([topic.publish(body).catch(() => {}), sleep(GOODBYE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  private report(leaving: boolean): Report {
    const { origin: _, regions, ...figures } = this.tally.snapshot();
    const lagMs = Object.fromEntries(Object.entries(regions).map(([region, each]) => [region, each.lagMs]));
    const { envelopeVersion: reads, canaryIntervalMs: intervalMs } = this.options;
    return { reads, intervalMs, leaving, lagMs, ...figures };
  }

  private canaryAges(): readonly [region: string, ms: number][] {
    return Object.entries(this.regionFigures()).map(([region, { canaryAgeMs }]) => [region, canaryAgeMs]);
  }

  private async replayAtHome(commands: Iterable<StampedCommand>): Promise<void> {
    const large: StampedCommand[] = [];
    this.countHome(await this.connection.replayer.apply(aside(commands, large)));
    for (const message of large) {
      // Where that fails, its copy from the bus brings it.
      const outcome = await this.transfers.complete(decodeLarge(message)).catch(() => undefined);
      if (outcome) this.countHome(outcome);
    }
  }

  private countHome(outcome: ReplayOutcome): void {
    this.tally.replayed("home", outcome);
    logPoison(this.options.log, outcome);
  }
}
