// A region as replay sees it: a server of a suite's own, commands stamped around the time of the test, and what becomes of
// them there.
import { afterAll, beforeAll, beforeEach, expect } from "@jest/globals";
import type { Redis } from "ioredis";
import { wordsOf } from "../../chaos/largeCommands";
import type { StampedCommand } from "../../shim/replication/envelope";
import { normalise } from "../../shim/replication/normalisation";
import { Replayer } from "../../shim/replication/replayer";
import type { Stamp } from "../../shim/replication/stamp";
import { ConnectedServer } from "./connectedServer";
import { serverWithFieldExpiries } from "./servers";

export const horizonMs = 600_000;

/** Of the suite that makes it; its server is there from `beforeAll` on, and empty before each test. */
export class ReplayedRegion {
  region!: Redis;
  /** The server's database 1. */
  records!: Redis;
  replayer!: Replayer;
  startMs = 0;

  constructor() {
    let server: ConnectedServer;
    beforeAll(async () => {
      server = await ConnectedServer.start(serverWithFieldExpiries());
      this.region = server.connect();
      this.records = server.connect({ db: 1 });
    });
    beforeEach(() => this.wipe());
    afterAll(() => server.close());
  }

  /** Begins anew, without a trace of what was replayed. */
  async wipe(): Promise<void> {
    await this.region.flushall();
    this.startMs = Date.now() - 2000;
    this.replayer = this.newReplayer();
  }

  newReplayer(start: Stamp = { ms: this.startMs - 1, counter: 0, origin: 0 }): Replayer {
    return new Replayer(this.region, horizonMs, start);
  }

  stamped(stamp: Stamp, line: string): StampedCommand {
    const args = wordsOf(line);
    return { stamp, args: normalise(String(args[0]), args, stamp) };
  }

  /** The command as accepted `at` milliseconds after the start. */
  command = (at: number, line: string): StampedCommand =>
    this.stamped({ ms: this.startMs + at, counter: 0, origin: 1 }, line);

  /** As {@link command}, the next one in the same millisecond. */
  commandAfter = (at: number, line: string): StampedCommand =>
    this.stamped({ ms: this.startMs + at, counter: 1, origin: 1 }, line);

  /** One call each; for each command the reasons for doubt, or what else became of it. */
  replay = async (...commands: readonly StampedCommand[]): Promise<unknown[]> => {
    const outcomes: unknown[] = [];
    for (const each of commands) {
      const { applied, stale, errors, doubts, transient, poison } = await this.replayer.apply([each]);
      expect([transient, poison]).toEqual([[], []]);
      if (applied > 0) outcomes.push("applied");
      if (stale > 0) outcomes.push("stale");
      if (errors.length > 0) outcomes.push("failed");
      outcomes.push(...doubts.keys());
    }
    return outcomes;
  };
}
