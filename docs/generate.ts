// Writes those parts of the documentation that are data of the code: commands, variables, metrics. What stands between
// `<!-- generated: name -->` and `<!-- end -->` is replaced by what the code says now; all other text is left alone.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandRules, rulesFor } from "@redis-on-fly/shim/dist/commands/policy";
import { type CommandSpecification, packagedSpecifications } from "@redis-on-fly/shim/dist/commands/specification";
import { describeConfiguration } from "@redis-on-fly/shim/dist/configuration";
import { documentedRefusals, kindredRefusals } from "@redis-on-fly/shim/dist/contract";
import { Counters } from "@redis-on-fly/shim/dist/operations/counters";
import { countRequests, newRegistry } from "@redis-on-fly/shim/dist/operations/metrics";
import { Figures } from "@redis-on-fly/shim/dist/replication/figures";
import { LanePool } from "@redis-on-fly/shim/dist/upstream/lanePool";
import { pino } from "pino";

/** The documents with generated parts, by their names in this folder. */
export const generatedDocuments = ["commands.md", "configuration.md"] as const;

/** The rule by which users find a command: the one on database 0 where it is not simply forwarded, else on database 1. */
export type CommandKind = CommandRules["regional"] | CommandRules["virtual"];

/** The kind of a command where no further group is allowed. */
export function kindOf(command: CommandSpecification): CommandKind {
  const { regional, virtual } = rulesFor(command, []);
  if (regional !== "forward") return regional;
  // The packaged list knows no subcommands; a container is what has no flags of its own.
  return command.flags.size === 0 ? "container" : virtual;
}

const MAX_COLUMNS = 120;

const parts: Readonly<Record<string, () => string>> = {
  reads: () => commandsOf("acknowledge"),
  writes: () => commandsOf("accept"),
  blocking: () => commandsOf("private"),
  inspected: () => commandsOf("inspect"),
  containers: () => commandsOf("container"),
  local: () => commandsOf("local"),
  refused: () => commandsOf("refuse"),
  documented: () => groups(documentedRefusals),
  kindred: () => groups(kindredRefusals),
  variables,
  metrics,
};

/** A document's text with its generated parts as the code has them now. */
export function regenerate(text: string): string {
  return text.replace(
    /(<!-- generated: (\w+) -->\n).*?(<!-- end -->)/gs,
    (_, open: string, name: string, close: string) => {
      const part = parts[name];
      if (!part) throw new Error(`There is no part "${name}": it is one of ${Object.keys(parts).join(", ")}.`);
      return `${open}\n${part()}\n\n${close}`;
    },
  );
}

function commandsOf(kind: CommandKind): string {
  const found = packagedSpecifications().filter((command) => kindOf(command) === kind);
  return wrap(listOf(found.map(({ name }) => name)));
}

function groups(refusals: Readonly<Record<string, readonly string[]>>): string {
  return bullets(Object.entries(refusals).map(([group, names]) => `**${group}**: ${listOf(names)}`));
}

/** By way of `--help`, which has all that users need to know of a variable. */
function variables(): string {
  const entries = describeConfiguration().matchAll(/^ {2}(FLY_\w+)\n {6}(.*) \((required|default: .*)\)$/gm);
  return bullets([...entries].map(([, name, purpose, standing]) => `\`${name}\` (${standing}): ${purpose}`));
}

function metrics(): string {
  const address = { host: "127.0.0.1", port: 6379, tls: false, user: undefined, password: undefined };
  const log = pino({ level: "silent" });
  const pool = new LanePool({ address, lanesPerProtocol: 1, maxPrivateLanes: 1, timeoutMs: 1000, log });
  const registry = newRegistry(new Counters(), pool, () => 0);
  new Figures("00000000", { commands: 0, bytes: 0 }, () => [], registry);
  countRequests(registry);
  const ours = registry.getMetricsAsArray().filter(({ name }) => name.startsWith("redis_on_fly_"));
  return bullets(ours.map(({ name, help }) => `\`${name}\`: ${help}`));
}

function listOf(names: readonly string[]): string {
  return names
    .toSorted()
    .map((name) => `\`${name}\``)
    .join(" ");
}

function bullets(items: readonly string[]): string {
  return items.map((item) => wrap(`- ${item}`, "  ")).join("\n");
}

/** Breaks a text into lines, of which all but the first are indented. */
function wrap(text: string, indent = ""): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= MAX_COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : indent + word);
  }
  return lines.join("\n");
}

if (require.main === module) {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";
  for (const name of generatedDocuments) {
    const file = join("docs", name);
    writeFileSync(file, regenerate(readFileSync(file, "utf8")));
  }
}
