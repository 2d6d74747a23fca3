// Every command by name, with what becomes of it. Looked up by bytes, in any case, without making a string: it is asked
// once for every command that passes.
import type { SwitchableGroup } from "../contract";
import type { NameLookup } from "../resp/requestScanner";
import { type CommandRules, purgeCommand, refusableNames, rulesFor } from "./policy";
import { type CommandSpecification, packagedSpecifications } from "./specification";

/** One command and its rules. */
export interface CommandEntry extends CommandRules {
  readonly specification: CommandSpecification;
}

interface Slot {
  /** The name in upper case. */
  readonly name: Buffer;
  readonly entry: CommandEntry;
}

const BUCKETS = 2048;

/** Maps a-z to A-Z and every other byte to itself. */
const upperCase = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte));

function placeholder(name: string): CommandSpecification {
  return { name, arity: -1, flags: new Set(), firstKey: 0, lastKey: 0, keyStep: 0, subcommands: new Map() };
}

/** By a few of a name's bytes, which tell most from each other; without the bit that tells a-z from A-Z. */
function bucketOf(bytes: Buffer, start: number, length: number): number {
  const first = (bytes[start] ?? 0) & 0xdf;
  const middle = (bytes[start + (length >> 1)] ?? 0) & 0xdf;
  const last = (bytes[start + length - 1] ?? 0) & 0xdf;
  return (length * 7 + first + middle * 37 + last * 311) & (BUCKETS - 1);
}

/** Starts with the packaged commands; {@link learn} replaces them by the server's own. */
export class CommandTable implements NameLookup<CommandEntry> {
  private buckets: readonly (readonly Slot[])[] = [];

  constructor(private readonly allowGroups: readonly SwitchableGroup[]) {
    this.learn(packagedSpecifications());
  }

  /** Takes the commands of the server in place of what was known. */
  learn(commands: readonly CommandSpecification[]): void {
    const buckets = Array.from({ length: BUCKETS }, (): Slot[] => []);
    // What this server lacks is still refused by name rather than called unknown.
    const known = new Set(commands.map(({ name }) => name));
    const lacking = refusableNames.filter((name) => !known.has(name)).map(placeholder);
    const refused = lacking.filter((command) => rulesFor(command, this.allowGroups).regional === "refuse");
    for (const specification of [...commands, ...refused, purgeCommand]) {
      const name = Buffer.from(specification.name);
      buckets[bucketOf(name, 0, name.length)]?.push({
        name,
        entry: { specification, ...rulesFor(specification, this.allowGroups) },
      });
    }
    this.buckets = buckets;
  }

  lookup(bytes: Buffer, start: number, length: number): CommandEntry | undefined {
    for (const { name, entry } of this.buckets[bucketOf(bytes, start, length)] ?? []) {
      if (name.length !== length) continue;
      let same = 0;
      while (same < length && name[same] === upperCase[bytes[start + same] ?? 0]) same++;
      if (same === length) return entry;
    }
    return undefined;
  }
}
