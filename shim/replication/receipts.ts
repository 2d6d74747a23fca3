// Receipts: which regions have replayed what a connection has sent. Every region puts down the envelopes of others that it
// has replayed, so that any of its shims can tell; questions and answers travel as messages, only when somebody waits.
//
//   FLY.ASK      question, until (ms since 1970), the envelopes asked for (see EnvelopeLog)
//   FLY.RECEIPT  question, the region that asked
//
// What a region puts down is in the sorted set `a` of its server's database 1, by time: stamps of envelopes' first
// commands, and `<question>:<region>` for an answer that any of its shims got.

import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { StampedCommand } from "./envelope";
import { EnvelopeLog, type EnvelopeRange } from "./envelopeLog";
import type { Sender } from "./messages";
import { type Clock, type Stamp, stampText } from "./stamp";

export const ASK = "FLY.ASK";
export const RECEIPT = "FLY.RECEIPT";

/** What {@link Receipts} needs. */
export interface ReceiptsOptions {
  readonly region: string;
  /** A connection to database 0, which fails commands at once while it is down. */
  readonly cluster: Redis;
  readonly clock: Clock;
  /** How far back a question may reach. */
  readonly horizonMs: number;
  /** Bytes of a message. */
  readonly capacity: number;
  /** The other regions. */
  readonly others: () => readonly string[];
  /** Sends a message; undefined where the bus takes too little for that now. */
  readonly send: (name: string, ...args: readonly (string | Buffer)[]) => Stamp | undefined;
}

/** What somebody who waits is told. */
export interface Receipt {
  /** How many other regions have replayed what was asked about. */
  readonly regions: number;
  /** Whether all have. */
  readonly everywhere: boolean;
}

/** A question whose answer was lost with a shim is asked again after this time, and after twice the time again. */
const ASK_AGAIN_MS = 2_000;
const FIRST_LOOK_MS = 5;
const LOOK_MS = 50;
/** Who has to look so often does so less and less: what comes as it should is there at the first or second look. */
const ANSWER_LOOK_MS = 1_000;
/** Others are passed over, and asked again. */
const MAX_ANSWERING = 256;
/** Questions are answered for so long at most. */
const MAX_WAIT_MS = 60_000;

// SELECT inside a script ends with it.
const PUT = `
redis.call('SELECT', 1)
redis.call('ZADD', 'a', ARGV[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', 'a', '-inf', ARGV[2])
`;
const COUNT = `
redis.call('SELECT', 1)
local found = 0
for i = 1, #ARGV do
  if redis.call('ZSCORE', 'a', ARGV[i]) then found = found + 1 end
end
return found
`;
const MAX_COUNTED = 1000;

/** See the head of this file. */
export class Receipts {
  /** This shim's own envelopes. */
  readonly log: EnvelopeLog;
  private readonly options: ReceiptsOptions;
  private readonly answering = new Set<string>();
  private stopped = false;

  constructor(options: ReceiptsOptions) {
    this.options = options;
    this.log = new EnvelopeLog(Math.floor(options.capacity / 2));
  }

  stop(): void {
    this.stopped = true;
  }

  /** Puts down that an envelope of another region, which begins with this stamp, has been replayed. Rejects where the server cannot be reached. */
  async replayed(region: string, oldest: Stamp): Promise<void> {
    if (region !== this.options.region) await this.put(stampText(oldest));
  }

  /**
   * Asks which regions have replayed a range of this shim's envelopes, and waits until so many have.
   *
   * @param abandoned - whether nobody waits any more.
   * @returns which other regions have
   */
  async wait(
    sent: EnvelopeRange | undefined,
    regions: number,
    timeoutMs: number,
    abandoned: () => boolean,
  ): Promise<Receipt> {
    const { clock, others, send, horizonMs } = this.options;
    const envelopes = sent && this.log.range(sent, clock.nowMs() - horizonMs);
    if (!envelopes?.length) return { regions: others().length, everywhere: true };
    const untilMs = clock.nowMs() + (timeoutMs === 0 ? MAX_WAIT_MS : Math.min(timeoutMs, MAX_WAIT_MS));
    let question = "";
    let askAgainMs = 0;
    let pauseMs = FIRST_LOOK_MS;
    for (let intervalMs = ASK_AGAIN_MS; ; ) {
      const nowMs = clock.nowMs();
      const asked = question === "" ? [] : others().map((region) => `${question}:${region}`);
      const count = await this.count(asked).catch(() => 0);
      if (count >= regions || nowMs >= untilMs || this.stopped || abandoned()) {
        return { regions: count, everywhere: question !== "" && count === asked.length };
      }
      if (nowMs >= askAgainMs) {
        const stamp = send(ASK, question, String(untilMs), envelopes);
        if (stamp) {
          question ||= stampText(stamp);
          askAgainMs = nowMs + intervalMs;
          intervalMs *= 2;
        }
      }
      await sleep(Math.min(pauseMs, Math.max(1, untilMs - nowMs)), undefined, { ref: false });
      pauseMs = Math.min(LOOK_MS, pauseMs * 2);
    }
  }

  /** Takes somebody's question; the answer follows by itself, once there is one to give. */
  async asked({ stamp, args }: StampedCommand, { region, origin }: Sender): Promise<void> {
    if (region === this.options.region) return;
    const [, given, until, envelopes = Buffer.alloc(0)] = args;
    const question = String(given) || stampText(stamp);
    if (this.answering.has(question) || this.answering.size === MAX_ANSWERING) return;
    this.answering.add(question);
    void this.answer(question, region, EnvelopeLog.stamps(envelopes, origin), Number(until)).finally(() =>
      this.answering.delete(question),
    );
  }

  /** Takes an answer to a question of this region's shims. */
  async answered({ args: [, question, asker] }: StampedCommand, { region }: Sender): Promise<void> {
    if (String(asker) === this.options.region) await this.put(`${question}:${region}`);
  }

  private async answer(question: string, asker: string, stamps: readonly string[], untilMs: number): Promise<void> {
    const { clock, send } = this.options;
    const endMs = Math.min(untilMs, clock.nowMs() + MAX_WAIT_MS);
    for (
      let pauseMs = FIRST_LOOK_MS;
      !this.stopped && clock.nowMs() < endMs;
      pauseMs = Math.min(ANSWER_LOOK_MS, 2 * pauseMs)
    ) {
      const found = await this.count(stamps).catch(() => -1);
      if (found === stamps.length && send(RECEIPT, question, asker)) return;
      await sleep(pauseMs, undefined, { ref: false });
    }
  }

  private async put(member: string): Promise<void> {
    const { cluster, clock, horizonMs } = this.options;
    const nowMs = clock.nowMs();
    await cluster.eval(PUT, 0, nowMs, nowMs - 2 * horizonMs, member);
  }

  private async count(members: readonly string[]): Promise<number> {
    let found = 0;
    for (let at = 0; at < members.length; at += MAX_COUNTED) {
      found += (await this.options.cluster.eval(COUNT, 0, ...members.slice(at, at + MAX_COUNTED))) as number;
    }
    return found;
  }
}
