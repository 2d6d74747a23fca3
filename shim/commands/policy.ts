// What becomes of each command on each database. The refused ones are data in ../contract; the rest follows from what
// the server says of a command, so that a command it learns later falls into the right class.
import { documentedRefusals, kindredRefusals, regionalRefusals, type SwitchableGroup } from "../contract";
import type { CommandSpecification } from "./specification";

/**
 * On database 0:
 * - `forward`: over a shared lane, byte for byte
 * - `private`: over a lane of the session's own, because it may block
 * - `inspect`: its arguments decide
 * - `local`: the shim answers
 * - `refuse`: answered by {@link refusalText}
 */
export type RegionalAction = "forward" | "private" | "inspect" | "local" | "refuse";

/**
 * On database 1:
 * - `accept`: answered OK and replayed in every region
 * - `acknowledge`: a read; answered OK and not sent
 * - `receipt`: answered with the number of regions that have replayed what the session sent
 * - `container`: its subcommand decides between the two
 * - `forward`, `local`, `refuse`: as on database 0
 */
export type VirtualAction = "accept" | "acknowledge" | "receipt" | "container" | "forward" | "local" | "refuse";

/** What becomes of one command. */
export interface CommandRules {
  readonly regional: RegionalAction;
  readonly virtual: VirtualAction;
}

/** Answered by the shim, alike on both databases: drivers send them after `SELECT 1` too. */
const localCommands = new Set([
  "AUTH",
  "ECHO",
  "HELLO",
  "INFO",
  "PING",
  "QUIT",
  "READONLY",
  "READWRITE",
  "RESET",
  "SELECT",
]);

/** Commands whose arguments decide on database 0: BLOCK, another database, or what must be rewritten. */
const inspectedCommands = new Set(["COPY", "FLUSHALL", "XREAD", "XREADGROUP"]);

const documented = new Set<string>(Object.values(documentedRefusals).flat());
const bound = new Set<string>(regionalRefusals);
const groupOf = new Map(
  Object.entries(kindredRefusals).flatMap(([group, names]) => names.map((name): [string, string] => [name, group])),
);

/** Every name that the policy speaks of. */
export const refusableNames: readonly string[] = [...documented, ...bound, ...groupOf.keys()];

/** The one command of our own: `FLY.PURGE pattern` on database 1 deletes keys in every region. */
export const purgeCommand: CommandSpecification = {
  name: "FLY.PURGE",
  arity: 2,
  flags: new Set(["write"]),
  firstKey: 0,
  lastKey: 0,
  keyStep: 0,
  subcommands: new Map(),
};

/** Decides by `allowGroups` and by what the server says of the command. */
export function rulesFor(command: CommandSpecification, allowGroups: readonly SwitchableGroup[]): CommandRules {
  const { name, flags } = command;
  if (name === "WAIT") return { regional: "refuse", virtual: "receipt" };
  if (name === purgeCommand.name) return { regional: "refuse", virtual: "accept" };
  if (isRefused(command, allowGroups)) return { regional: "refuse", virtual: "refuse" };
  if (localCommands.has(name)) return { regional: "local", virtual: "local" };
  if (name === "COMMAND") return { regional: "forward", virtual: "forward" };
  const virtual = command.subcommands.size > 0 ? "container" : isWrite(command) ? "accept" : "acknowledge";
  if (inspectedCommands.has(name)) return { regional: "inspect", virtual };
  return { regional: flags.has("blocking") ? "private" : "forward", virtual };
}

/**
 * Whether a command changes data, or may: whatever does not call itself a read must not be taken for one. HELP and COMMAND,
 * which have no keys, do not.
 */
export function isWrite({ name, flags }: CommandSpecification): boolean {
  return !flags.has("readonly") && !name.endsWith("|HELP") && !/^COMMAND(\||$)/.test(name);
}

function isRefused(
  { name, flags, subcommands }: CommandSpecification,
  allowGroups: readonly SwitchableGroup[],
): boolean {
  if (documented.has(name) || bound.has(name)) return true;
  const group = groupOf.get(name);
  if (group !== undefined) return !(allowGroups as readonly string[]).includes(group);
  // A container is refused with any part of it: that it manages the server shows on its subcommands alone.
  return [flags, ...[...subcommands.values()].map((each) => each.flags)].some(
    (each) => each.has("admin") || each.has("pubsub"),
  );
}

/** The error for a refused command: drivers match on `unknown command`, people read the rest. */
export function refusalText(name: string): string {
  return `ERR unknown command '${name.slice(0, 128)}' (not supported by Redis on Fly)`;
}
