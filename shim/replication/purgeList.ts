// The purges by pattern that older commands may still come for. They are kept in the region's server, in the field `purges`
// of `m` (see recordScript.ts): entries of a stamp, `p` (under way) or `d` (done), and the pattern in hexadecimal digits,
// separated by spaces. `purgesRevision` counts the changes: with it every replay learns of a purge that began before. Of those
// that were forgotten `purged` is the highest stamp: what is not above it and finds no newer overwrite is in doubt.

import type { Redis } from "ioredis";
import { keyPattern } from "./keyPattern";
import { records } from "./recordScript";
import type { KeyedStep, ScriptArguments } from "./replayBatch";
import { parseStamp, STAMP_LENGTH, type Stamp, stampText } from "./stamp";

interface Purge {
  readonly stamp: Stamp;
  readonly matches: (key: Buffer) => boolean;
}

/** Runs {@link purgeScript} with these arguments behind what `records` wants. */
type Write = (...args: ScriptArguments) => Promise<string>;

/** Every command is held against them: beyond it, those with the lowest stamps are forgotten before their time. */
const MAX_PURGES = 64;

/**
 * ARGV: as `records` wants it, stamp, state, pattern. No command that is not above `late` is placed by the list. Returns the
 * state that the purge has, and what `memory` says.
 */
export const purgeScript = `${records}
local stamp, state = ARGV[5], ARGV[6]
local kept = { stamp .. state .. ARGV[7] }
for entry in string.gmatch(call('HGET', 'm', 'purges') or '', '%S+') do
  local known = sub(entry, 25, 25)
  if sub(entry, 1, 24) ~= stamp then kept[#kept + 1] = entry
  elseif state == 'p' or known == 'd' then return { known, memory() } end
end
table.sort(kept)
while kept[1] and (#kept > ${MAX_PURGES} or kept[1] < late and sub(kept[1], 1, 24) ~= stamp) do
  purged = higher(purged, sub(table.remove(kept, 1), 1, 24))
end
call('HSET', 'm', 'purges', table.concat(kept, ' '), 'purged', purged)
call('HINCRBY', 'm', 'purgesRevision', 1)
highest = higher(highest, stamp)
writeRecords()
return { state, memory() }
`;
// SELECT inside a script ends with it.
const READ = `
redis.call('SELECT', 1)
return redis.call('HMGET', 'm', 'purgesRevision', 'purges')
`;

/** See the head of this file. */
export class PurgeList {
  private revision = "";
  private purges: readonly Purge[] = [];
  private newestMs = 0;

  /** @param cluster - a connection to database 0. */
  constructor(
    private readonly cluster: Redis,
    private readonly run: Write,
  ) {}

  /**
   * Puts a purge down before its keys are deleted, or as done.
   *
   * @returns whether it is done, here or elsewhere
   */
  async write(stamp: Stamp, state: "under way" | "done", pattern: Buffer): Promise<boolean> {
    const args = [stampText(stamp), state === "done" ? "d" : "p", pattern.toString("hex")];
    return (await this.run(...args)) === "d";
  }

  get empty(): boolean {
    return this.purges.length === 0;
  }

  /** Reads the list anew where the server says that it has changed. */
  async follow(revision: string): Promise<void> {
    if (revision === this.revision) return;
    const [read, list] = (await this.cluster.eval(READ, 0)) as [string | null, string | null];
    this.purges = (list ?? "").split(" ").flatMap((entry) => {
      const stamp = parseStamp(entry.slice(0, STAMP_LENGTH));
      return stamp ? [{ stamp, matches: keyPattern(Buffer.from(entry.slice(STAMP_LENGTH + 1), "hex")) }] : [];
    });
    this.newestMs = Math.max(0, ...this.purges.map(({ stamp }) => stamp.ms));
    this.revision = read ?? "";
  }

  /** The deletes of keys that steps have written although a purge is newer than they. */
  overtaking(steps: readonly KeyedStep[]): readonly KeyedStep[] {
    return steps.filter(({ stamp }) => stamp.ms <= this.newestMs).flatMap((step) => this.deletes(step));
  }

  private deletes(step: KeyedStep): KeyedStep[] {
    const own = stampText(step.stamp);
    const keys = step.kind === "other" ? step.keys : [step.key];
    return this.purges
      .filter(({ stamp }) => stampText(stamp) > own)
      .flatMap(({ stamp, matches }) => keys.filter(matches).map((key) => deletion(stamp, key)));
  }
}

function deletion(stamp: Stamp, key: Buffer): KeyedStep {
  return { kind: "overwrite", stamp, key, leaves: "-", args: [Buffer.from("UNLINK"), key] };
}
