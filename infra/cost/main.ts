// `npm run cost -- <stack file>`: what the stack would cost a month.
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { parse } from "yaml";
import { readConfiguration } from "../configuration";
import { costParts, estimateCost, type Traffic } from "./estimate";
import { pricesOf } from "./prices";

const namespace = "redis-on-fly";

/** The table for a stack file's text. @throws RunError listing every fault in its configuration */
export function costTable(stackFile: string, traffic: Traffic): string {
  const { config } = parse(stackFile) ?? {};
  const values = Object.entries(config ?? {}).map(([key, value]): [string, string] => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const costs = estimateCost(readConfiguration(Object.fromEntries(values), namespace), traffic);

  const columns = [...costs.values()];
  const row = (title: string, amounts: readonly number[]) =>
    [title.padEnd(12), ...[...amounts, sum(amounts)].map((amount) => amount.toFixed(2).padStart(16))].join("");
  return [
    ["$ a month".padEnd(12), ...[...costs.keys(), "all"].map((title) => title.padStart(16))].join(""),
    ...costParts.map((part) =>
      row(
        part,
        columns.map((cost) => cost[part]),
      ),
    ),
    row(
      "all",
      columns.map((cost) => sum(Object.values(cost))),
    ),
    "",
    `Prices of ${pricesOf}, on demand, other regions than us-east-1 rounded. In each region: ` +
      `${traffic.requestsPerSecond} commands a second on database 0, ${traffic.writesPerSecond} on database 1, ` +
      `${traffic.bytesPerCommand} bytes each with its reply; as many shims as there are at least. Logs are not in it.`,
  ].join("\n");
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

/** A figure of the traffic. @throws InvalidArgumentError where it is none */
export function amount(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number, 0 or more.");
}

if (require.main === module) {
  new Command("npm run cost --")
    .description("Tells what a stack would cost a month, by region and part.")
    .argument("<stack file>", "such as Pulumi.production.yaml")
    .option("--requests <number>", "commands a second on database 0, in each region", amount, 1000)
    .option("--writes <number>", "commands a second on database 1, in each region", amount, 10)
    .option("--bytes <number>", "bytes of a command and its reply", amount, 500)
    .action(
      (
        file: string,
        { requests, writes, bytes }: Record<"requests" | "writes" | "bytes", number>,
        command: Command,
      ) => {
        const traffic = { requestsPerSecond: requests, writesPerSecond: writes, bytesPerCommand: bytes };
        try {
          process.stdout.write(`${costTable(readFileSync(file, "utf8"), traffic)}
`);
        } catch (error) {
          command.error((error as Error).message);
        }
      },
    )
    .parse();
}
