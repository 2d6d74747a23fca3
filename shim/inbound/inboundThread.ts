// The way in on a thread of its own, as the main thread has it. Envelopes that are taken apart, opened and replayed would hold
// up clients otherwise, for milliseconds each.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { OnRequest } from "../bus/sdk";
import type { Front, Incoming } from "./front";
import { type CallsTo, callsOver, type MainCalls, type ThreadOptions, unpacked } from "./threadCalls";

/** What an {@link InboundThread} needs. */
export interface InboundThreadOptions extends ThreadOptions {
  readonly onRequest: OnRequest;
  /** What the thread runs. @default `inboundProgram` as it is compiled */
  readonly program?: string | undefined;
}

/** More than its last request may take. */
const CLOSE_TIMEOUT_MS = 60_000;

/** Its garbage is mostly that of large buffers, which small generations let go of soon, and it costs no time. */
const MAX_YOUNG_GENERATION_MB = 2;

/** See the head of this file. */
export class InboundThread implements Incoming {
  private thread: Worker | undefined;
  private closing = false;
  private calls: CallsTo<Incoming, MainCalls> | undefined;

  constructor(
    private readonly options: InboundThreadOptions,
    private readonly front: Front,
  ) {}

  async start(): Promise<void> {
    const { onRequest, program = join(__dirname, "inboundProgram.js"), ...workerData } = this.options;
    const { front } = this;
    const thread = new Worker(program, {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
      env: process.env,
      name: "inbound",
    });
    // Nothing would bring it back: the process ends, as it does where the main thread fails. An exit follows an error, and
    // what is thrown before it, where both are found at once, would give way to what is thrown then.
    let failure: Error | undefined;
    thread.on("error", (error: Error) => {
      failure = error;
    });
    thread.on("exit", (code) => {
      if (failure) throw failure;
      if (!this.closing) throw new Error(`the thread that receives from the queue has ended with code ${code}`);
    });
    this.thread = thread;
    this.calls = await callsOver<Incoming, MainCalls>(thread, {
      observe: (stamp) => front.observe(stamp),
      hear: (packed, from) => front.hear(unpacked(packed), from),
      settled: (envelope) => front.settled(envelope),
      replayed: (outcome) => front.replayed(outcome),
      purged: (purge, outcome) => front.purged(purge, outcome),
      poisoned: () => front.poisoned(),
      requested: onRequest,
    });
    await this.calls.start();
  }

  async stop(): Promise<void> {
    await this.calls?.stop();
  }

  async close(): Promise<void> {
    this.closing = true;
    try {
      await Promise.race([this.calls?.close(), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    } finally {
      await this.thread?.terminate();
    }
  }
}
