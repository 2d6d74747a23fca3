// Faults put into the replay on purpose, to show that the checker finds them: each is a change of the scripts' text.
import { Redis } from "ioredis";

/** A piece of a script, and what stands in its place; the script is that of the replay where it is not named. */
type Change = readonly [from: string, to: string, script?: string];

const REPLAY = "flyReplay";

const modifies = "if r.kind ~= 'a' then return modify(r, n.stamp, { n.at, unpack(ARGV, n.first, n.last) }) end";

/** Other rules than ours, for comparison. */
export const rules = {
  journal: [],
  /** Read-modify-write in the order of arrival, each once. */
  "no-journal": [[modifies, ""]],
  /** The peers' rule: whatever is older than the key's newest command is dropped. */
  "last-writer-wins": [
    [
      modifies,
      `if true then
        use(0)
        local outcome, text = outcomeOf(redis.pcall(unpack(ARGV, n.first, n.last)))
        setRecord(r, n.stamp, '+', '')
        return outcome, text
      end`,
    ],
  ],
} as const satisfies Record<string, readonly Change[]>;

/** Mistakes that regions could make; the last one is the network's. */
export const faults = {
  "runs-duplicates": [["elseif j.met then\n    return 's'\n  end", "end"]],
  "applies-old-overwrites": [["n.left\n  if stamp <= r.stamp then return 's' end", "n.left"]],
  "ignores-passed-expiries": [["x - OFFSET <= msOf(e.stamp)", "false"]],
  "forgets-expiries": [["j.baseExpiry and moved(j.baseExpiry, OFFSET) or 0", "0"]],
  "leaves-expiries-moved": [["elseif x and by > 0 then", "elseif false then"]],
  "trusts-regional-values": [["print == (j.print or '') and expiryOf(r.key) == j.expiry", "true"]],
  "forgets-flushes": [["if flush > r.stamp then", "if false then"]],
  "trusts-restarted-servers": [
    ["local function forget(upTo)\n", "local function forget(upTo)\n  if upTo then return end\n"],
  ],
  "trusts-evicting-servers": [
    ["own = newest", "own = ''"],
    ["if meta[4] and call('STRLEN', currentBits) == 0 then", "if false then"],
    ["r.bereft = h[1] and 'r' or r.mark and 'v'", ""],
  ],
  "forgets-previous-generation": [["if not record and hasPrevious then", "if false then"]],
  "forgets-while-regions-are-cut-off": [["local waiting = waited and", "local waiting = false and", "flyRotate"]],
  "takes-forgotten-keys-for-flushed": [["r.raised = record or flush > late", "r.raised = true"]],
  "loses-chunks": [["call('SET', 'd' ..", "if #offset > 1 then return end call('SET', 'd' ..", "flyStore"]],
  "gives-up-early-for-chunks": [["and 'waiting' or 'lost'", "and 'lost' or 'lost'", "flyComplete"]],
  "forgets-purges": [["call('HINCRBY', 'm', 'purgesRevision', 1)", "", "flyPurge"]],
  "loses-envelopes": [],
} as const satisfies Record<string, readonly Change[]>;

/** See {@link rules}. */
export type Rule = keyof typeof rules;

/** See {@link faults}. */
export type Fault = keyof typeof faults;

/** Probability that the network loses an envelope for one region. */
export function lossUnder(fault: Rule | Fault): number {
  return fault === "loses-envelopes" ? 0.02 : 0;
}

/**
 * Changes the scripts that shims of this process define from now on.
 *
 * @returns how to undo that
 */
export function sabotage(changes: readonly Change[]): () => void {
  const { defineCommand } = Redis.prototype;
  Redis.prototype.defineCommand = function (name, { lua, ...definition }) {
    const own = changes.filter(([, , script = REPLAY]) => script === name);
    if (own.some(([from]) => !lua.includes(from))) {
      throw new Error(`the script of ${name} has changed: this fault is not where it was`);
    }
    const shared = changes.filter(([, , script = REPLAY]) => script === REPLAY);
    const changed = [...shared, ...own].reduce((text, [from, to]) => text.replaceAll(from, to), lua);
    return defineCommand.call(this, name, { ...definition, lua: changed });
  };
  return () => {
    Redis.prototype.defineCommand = defineCommand;
  };
}
