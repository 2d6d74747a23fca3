// The purges by pattern that a region has heard of within the horizon. They are kept in its server, in the field `purges` of
// `m` (see recordScript.ts): entries of a stamp, `p` (under way) or `d` (done), and the pattern in hexadecimal digits,
// separated by spaces. `purgesRevision` counts the changes: with it every replay learns of a purge that began before.

import type { Redis } from "ioredis";
import { keyPattern } from "./keyPattern";
import type { KeyedStep } from "./replayBatch";
import { parseStamp, STAMP_LENGTH, type Stamp, stampText } from "./stamp";

interface Purge {
  readonly stamp: Stamp;
  readonly matches: (key: Buffer) => boolean;
}

/** Beyond it, the oldest are forgotten before their time. */
const MAX_PURGES = 64;

// SELECT inside a script ends with it. ARGV: stamp, state, pattern, and the stamp below which entries are forgotten.
const WRITE = `
redis.call('SELECT', 1)
local kept = {}
for entry in string.gmatch(redis.call('HGET', 'm', 'purges') or '', '%S+') do
  local stamp = string.sub(entry, 1, 24)
  if stamp == ARGV[1] and (ARGV[2] == 'p' or string.sub(entry, 25, 25) == 'd') then return string.sub(entry, 25, 25) end
  if stamp ~= ARGV[1] and stamp >= ARGV[4] then kept[#kept + 1] = entry end
end
kept[#kept + 1] = ARGV[1] .. ARGV[2] .. ARGV[3]
if #kept > ${MAX_PURGES} then table.remove(kept, 1) end
redis.call('HSET', 'm', 'purges', table.concat(kept, ' '))
redis.call('HINCRBY', 'm', 'purgesRevision', 1)
return ARGV[2]
`;
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
  constructor(private readonly cluster: Redis) {}

  /**
   * Puts a purge down before its keys are deleted, or as done.
   *
   * @param forget - what is older need not be known any more.
   * @returns whether it is done, here or elsewhere
   */
  async write(stamp: Stamp, state: "under way" | "done", pattern: Buffer, forget: Stamp): Promise<boolean> {
    const args = [stampText(stamp), state === "done" ? "d" : "p", pattern.toString("hex"), stampText(forget)];
    return (await this.cluster.eval(WRITE, 0, ...args)) === "d";
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
