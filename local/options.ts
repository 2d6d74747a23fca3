// The command line of `npm start`: every fault in it is found at once and said in one line, with the value and the remedy.
import { randomInt } from "node:crypto";
import { Command } from "commander";
import type { FabricOptions } from "./fabric";
import { noFaults } from "./wires";

/** What the command line asks for. */
export interface StartOptions extends Omit<FabricOptions, "launch"> {
  readonly json: boolean;
}

/** Thrown for a command line that cannot be followed; its message has one line per fault. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
}

/** Options as they were typed. */
type Typed = Readonly<Record<"regions" | "shims" | "delay" | "drop" | "duplicate" | "reorder", string>> & {
  readonly seed?: string;
  readonly port?: string;
  readonly json?: true;
};

/** What the commands do. */
export interface Actions {
  /** Runs a fabric until it is told to stop. */
  start(options: StartOptions): Promise<void>;
  /** Runs a program with a region's `FLY_REDIS_CACHE_URL`. */
  exec(region: string, program: readonly string[], options: StartOptions): Promise<void>;
}

/** The command line, which calls one of the actions. */
export function commandLine({ start, exec }: Actions): Command {
  const command = new Command("npm start --")
    .description("Runs Redis on Fly on this machine: real servers and shims, an emulator of SNS and SQS between them.")
    .option("--regions <names>", "names of AWS regions, comma-separated", "us-east-1,eu-west-1,ap-northeast-1")
    .option("--shims <number>", "shims per region", "1")
    .option("--delay <factor>", "factor on the real times between regions; 0: no delay", String(noFaults.delay))
    .option("--drop <fraction>", "fraction of messages that get lost at first and come later, 0 to 1", "0")
    .option("--duplicate <fraction>", "fraction of messages that come twice, 0 to 1", "0")
    .option("--reorder <fraction>", "fraction of messages that later ones overtake, 0 to 1", "0")
    .option("--seed <number>", "repeats the faults of a run that printed this seed")
    .option("--port <number>", "port of the first shim; the next ones follow (default: free ports)")
    .option("--json", "print one line of JSON when ready")
    .enablePositionalOptions()
    .action(() => start(parseOptions(command.opts())));
  command
    .command("exec <region> <program...>")
    .description("runs a program with FLY_REDIS_CACHE_URL of that region, in the running fabric or one of its own")
    .action((region: string, program: string[]) => exec(region, program, parseOptions(command.opts())));
  return command;
}

/** @throws OptionsError naming every fault */
export function parseOptions(typed: Typed): StartOptions {
  const faults: string[] = [];
  const number = (name: keyof Typed, text: string, least: number, most: number, whole: boolean): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
      faults.push(`--${name} is "${text}" but must be a ${whole ? "whole number" : "number"} from ${least} to ${most}`);
    }
    return value;
  };
  const fraction = (name: "drop" | "duplicate" | "reorder"): number => number(name, typed[name], 0, 1, false);

  const regions = typed.regions.split(",");
  for (const [index, region] of regions.entries()) {
    if (!/^[a-z]{2}(-[a-z]+)+-\d+$/.test(region)) {
      faults.push(
        `--regions has "${region}", which is not like the name of an AWS region: write eu-west-1, for example`,
      );
    } else if (regions.indexOf(region) < index) {
      faults.push(`--regions has "${region}" twice: name each region once`);
    }
  }
  const shims = number("shims", typed.shims, 1, 16, true);
  const port = typed.port === undefined ? undefined : number("port", typed.port, 1, 65_535, true);
  if (port !== undefined && port + regions.length * shims > 65_536) {
    faults.push(`--port is "${port}" but leaves no room for ${regions.length * shims} shims below 65536`);
  }
  const options = {
    regions,
    shims,
    faults: {
      delay: number("delay", typed.delay, 0, 1000, false),
      drop: fraction("drop"),
      duplicate: fraction("duplicate"),
      reorder: fraction("reorder"),
      seed:
        typed.seed === undefined ? randomInt(1_000_000) : number("seed", typed.seed, 0, Number.MAX_SAFE_INTEGER, true),
    },
    port,
    json: typed.json === true,
  };
  if (faults.length > 0) throw new OptionsError(faults.join("\n"));
  return options;
}
