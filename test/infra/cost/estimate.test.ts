import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { resolveOptions } from "../../../infra/cacheOptions";
import { costParts, estimateCost, type Traffic } from "../../../infra/cost/estimate";
import { amount, costTable } from "../../../infra/cost/main";
import { nodePrice } from "../../../infra/cost/prices";

/** As `npm run cost` has it by default. */
const usual: Traffic = { requestsPerSecond: 1000, writesPerSecond: 10, bytesPerCommand: 500 };
const idle: Traffic = { requestsPerSecond: 0, writesPerSecond: 0, bytesPerCommand: 500 };
const busy: Traffic = { requestsPerSecond: 1000, writesPerSecond: 100, bytesPerCommand: 500 };

function costOf(args: object, traffic = idle) {
  return estimateCost(resolveOptions({ regions: ["us-east-1"], ...args }), traffic).get("us-east-1")!;
}

const stackFiles = ["one-region", "three-regions", "production"] as const;

/** All regions together. */
function costOfFile(name: string, egress?: "nat" | "endpoints") {
  const text = readFileSync(`Pulumi.${name}.yaml`, "utf8").replace(/.*:egress:.*\n/, "");
  const way = egress ?? (name === "production" ? "endpoints" : "nat");
  const rows = costTable(`${text}  redis-on-fly:egress: ${way}\n`, usual).split("\n");
  return new Map(rows.map((row) => [row.slice(0, 12).trim(), Number(row.trim().split(/\s+/).at(-1))]));
}

/** The rows of a document's tables, by what their first cells say. */
function tablesOf(path: string): ReadonlyMap<string, readonly string[]> {
  const rows = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  const cells = rows.map((row) => row.split("|").map((cell) => cell.replaceAll(/[*`]/g, "").trim()));
  return new Map(cells.map(([, first = "", ...others]) => [first, others]));
}

const shown = (dollars: number) => Math.round(dollars).toLocaleString("en-US");

describe("a cache's cost", () => {
  test("is that of its nodes, shims and way out by the hour", () => {
    const cost = costOf({ replicas: 1, minShims: 2, egress: "endpoints", zones: 3 });
    expect(cost.cluster).toBeCloseTo(2 * 0.0128 * 730, 2);
    expect(cost.shims).toBeCloseTo(2 * (0.03238 + 2 * 0.00356) * 730, 2);
    expect(cost["way out"]).toBeCloseTo(6 * 3 * 0.01 * 730, 2);
  });

  test("has all that clients send cross zones by chance, from client to balancer to shim to cluster", () => {
    const gigabytes = (1000 * 500 * 730 * 3600) / 1e9;
    const traffic = { ...idle, requestsPerSecond: 1000 };
    expect(costOf({ zones: 2 }, traffic).transfer).toBeCloseTo((gigabytes * 0.02 * 3) / 2, 2);
    expect(costOf({ zones: 3 }, traffic).transfer).toBeCloseTo(gigabytes * 0.02 * 2, 2);
  });

  test("has the metrics of the alarms that are made, autoscaling's own included", () => {
    expect(costOf({ replicas: 1 }).monitoring).toBeCloseTo((5 + 3 * 2 + 6) * 0.1 + 14 * 0.3 + 3, 2);
  });

  test("has a cheaper way out with NAT, and none in a network of one's own", () => {
    const endpoints = costOf({ egress: "endpoints" })["way out"];
    expect(costOf({ egress: "nat" })["way out"]).toBeLessThan(endpoints / 2);
    const vpcs = { "us-east-1": { vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] } };
    expect(costOf({ vpcs })["way out"]).toBe(0);
  });

  test("grows on the bus with regions, since every region gets what each writes", () => {
    const one = costOf({}, busy);
    const three = costOf({ regions: ["us-east-1", "eu-west-1", "ap-northeast-1"] }, busy);
    expect(three.bus).toBeGreaterThan(one.bus * 1.5);
    expect(three.transfer).toBeGreaterThan(one.transfer);
  });

  test("has a receive on the bus for each message, as long as no more than one comes in 10 ms", () => {
    const threeRegions = { regions: ["us-east-1", "eu-west-1", "ap-northeast-1"], minShims: 1 };
    // A second: 20 messages and a fifth of a canary from each region, deleted ten at a time.
    const published = 20.2;
    const received = 3 * published;
    const dollars = published * 0.5 + (3 * published + received + received / 10) * 0.4;
    expect(costOf(threeRegions, { ...idle, writesPerSecond: 1000 }).bus).toBeCloseTo((dollars * 730 * 3600) / 1e6, 2);
  });

  test("does not grow with commands that fit into the same messages", () => {
    const requests = (writesPerSecond: number) => costOf({}, { ...busy, writesPerSecond }).bus;
    expect(requests(5000)).toBeCloseTo(requests(1000), 2);
  });

  test("is said of node types that the table has, and of no other", () => {
    expect(nodePrice("cache.r7g.xlarge")).toBeCloseTo(2 * nodePrice("cache.r7g.large"), 4);
    expect(nodePrice("cache.r7g.12xlarge")).toBeCloseTo(24 * nodePrice("cache.r7g.large"), 4);
    expect(() => nodePrice("cache.z9.large")).toThrow("There is no price of cache.z9.large here");
  });

  test.each(stackFiles)("is shown for the stack file %s", (name) => {
    const [header, ...rows] = costTable(readFileSync(`Pulumi.${name}.yaml`, "utf8"), busy).split("\n");
    expect(header).toMatch(/^\$ a month .*us-east-1 .*all$/);
    const [total] = rows.filter((row) => row.startsWith("all"));
    const amounts = total!.trim().split(/\s+/).slice(1).map(Number);
    expect(amounts.slice(0, -1).reduce((sum, amount) => sum + amount)).toBeCloseTo(amounts.at(-1)!, 0);
  });

  test.each(costParts)("is what docs/operations.md says of the %s", (part) => {
    const documented = tablesOf("docs/operations.md").get(part)!.slice(0, 3);
    expect(documented).toEqual(stackFiles.map((name) => shown(costOfFile(name).get(part)!)));
  });

  test.each(stackFiles)("is what the README and docs/operations.md say of all of %s", (name) => {
    const [nat, endpoints] = (["nat", "endpoints"] as const).map((egress) =>
      shown(costOfFile(name, egress).get("all")!),
    );
    expect(tablesOf("README.md").get(name)!.slice(1, 3)).toEqual([nat, endpoints]);
    const all = tablesOf("docs/operations.md").get("all")!;
    expect(all[stackFiles.indexOf(name)]).toBe(name === "production" ? endpoints : nat);
  });

  test("stays, without a stack file's values or with ones that are no figures, an error in words", () => {
    expect(() => costTable("config:\n", usual)).toThrow("regions: nothing must be a list of regions");
    for (const text of ["Infinity", "-1", "", "many"])
      expect(() => amount(text)).toThrow("It must be a number, 0 or more.");
  });
});
