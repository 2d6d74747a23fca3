// The program behind `npm run fuzz`: random and broken streams to a shim and to a plain server, until their answers differ,
// the shim dies, or there have been enough.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { Fabric, type LaunchShim } from "@redis-on-fly/local/dist/fabric";
import { Server } from "@redis-on-fly/local/dist/servers";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { Command, InvalidArgumentError } from "commander";
import fc from "fast-check";
import { Duel } from "./duel";
import { memberVariables, type Stream, streams } from "./streams";

interface Options {
  readonly streams: number;
  readonly seed: number;
}

const BATCH = 5_000;
/** Database 1 costs more, since every write is replayed. */
const DATABASE_0_SHARE = 0.95;
const MAX_GROWTH_MB = 64;

const commandLine = new Command("npm run fuzz --")
  .description("Sends random and broken streams to a shim and to a plain server, and compares their answers.")
  .option("--streams <number>", "streams to send", wholeNumber, 1_000_000)
  .option("--seed <number>", "repeats a run that printed this seed", wholeNumber, randomInt(2 ** 31))
  .action(fuzz);

async function fuzz({ streams: total, seed }: Options): Promise<void> {
  const server = await Server.start();
  const launch: LaunchShim = (environment) => launchShimProcess({ ...environment, ...memberVariables });
  const fabric = await Fabric.start({ regions: ["eu-west-1"], shims: 1, faults: noFaults, launch });
  const [region] = fabric.regions;
  const [shim] = region?.shims ?? [];
  if (!region || !shim) throw new Error("the fabric has no shim");
  const duels = ([0, 1] as const).map((database) =>
    ([2, 3] as const).map((protocol) => new Duel(fabric.url(region), server.url, protocol, database)),
  );
  const startedAt = performance.now();
  let warmMb = 0;
  let megabytes = 0;
  try {
    console.error(`${total} streams, --seed ${seed}`);
    for (let done = 0; done < total; done += BATCH) {
      const numRuns = Math.min(BATCH, total - done);
      // Both protocols in turn. Database 1 comes last, since its replays would change what database 0 holds.
      const pair = duels[done < total * DATABASE_0_SHARE ? 0 : 1];
      const duel = pair?.[(done / BATCH) % pair.length];
      const details = await fc.check(
        fc.asyncProperty(streams, async (stream) => duel?.run(stream)),
        // Shrinking would run on what the failure left behind; the seed and the stream tell enough.
        { seed: seed + done / BATCH, numRuns, endOnFailure: true },
      );
      if (details.failed) throw failure(details);
      megabytes = residentMegabytes(shim.pid);
      warmMb ||= megabytes;
      console.error(`${done + numRuns} alike, the shim has ${megabytes.toFixed(0)} MB`);
      if (megabytes > warmMb + MAX_GROWTH_MB) throw new Error(`the shim has grown from ${warmMb} to ${megabytes} MB`);
    }
    const minutes = (performance.now() - startedAt) / 60_000;
    const growth = (megabytes - warmMb).toFixed(0);
    console.error(
      `all ${total} alike after ${minutes.toFixed(1)} minutes; the shim's memory has grown by ${growth} MB`,
    );
  } finally {
    for (const duel of duels.flat()) duel.close();
    await fabric.stop();
    await server.stop();
  }
}

function failure({ counterexample, errorInstance, seed, numRuns }: fc.RunDetails<[Stream]>): Error {
  const [stream] = counterexample ?? [];
  const pieces = stream?.pieces.map((piece) => JSON.stringify(piece.toString("latin1"))).join("\n");
  return new Error(`stream ${numRuns} of seed ${seed}: ${String(errorInstance)}\n\nsent in these pieces:\n${pieces}`);
}

/** Resident memory, where the system tells it. */
function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return 0;
  }
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

commandLine.parseAsync().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
