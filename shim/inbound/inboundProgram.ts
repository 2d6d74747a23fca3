// What the thread of the way in runs.

import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { basename } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { pino } from "pino";
import { SqsQueue } from "../bus/sqsQueue";
import { driverOptions } from "../upstream/address";
import type { Incoming } from "./front";
import { Inbound } from "./inbound";
import { callsOver, type MainCalls, packed, type ThreadOptions } from "./threadCalls";

/** Linux gives it a third of the main thread's weight then. */
const NICER_BY = 5;
const MAX_NICENESS = 19;

/** Clients come first where there are too few cores. */
function giveWay(): void {
  if (process.platform !== "linux") return;
  try {
    // There, and there alone, each thread has a niceness of its own.
    const thread = Number(basename(readlinkSync("/proc/thread-self")));
    setPriority(thread, Math.min(MAX_NICENESS, getPriority(thread) + NICER_BY));
  } catch {
    // Where there is no /proc it competes with them.
  }
}

async function main(): Promise<void> {
  if (!parentPort) throw new Error("this is for a thread of the shim");
  giveWay();
  const options: ThreadOptions = workerData;
  const { region, awsRegion, busEndpoint, queueUrl, deadLetterQueueUrl, cluster, logLevel } = options;
  const regionalCommands = new Float64Array(options.regionalCommands);
  const front = await callsOver<MainCalls, Incoming>(parentPort, {
    start: () => inbound.start(),
    stop: () => inbound.stop(),
    close: () => inbound.close(),
  });
  const inbound: Inbound = new Inbound(
    {
      ...options,
      cluster: driverOptions(cluster),
      queue: new SqsQueue({
        region: awsRegion,
        endpoint: busEndpoint,
        queueUrl,
        deadLetterQueueUrl,
        onRequest: (operation) => void front.requested(operation),
      }),
      regionalCommands: () => regionalCommands[0] ?? 0,
      log: pino({ level: logLevel, base: { region, thread: "inbound" } }),
    },
    {
      observe: (stamp) => front.observe(stamp),
      hear: (message, { region, origin }) => front.hear(packed(message), { region, origin }),
      settled: (envelope) => front.settled(envelope),
      replayed: (outcome) => void front.replayed(outcome),
      purged: (purge, outcome) => void front.purged(purge, outcome),
      poisoned: () => void front.poisoned(),
    },
  );
}

void main();
