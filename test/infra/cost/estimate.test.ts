import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { resolveOptions } from "../../../infra/cacheOptions";
import { estimateCost, type Traffic } from "../../../infra/cost/estimate";
import { costTable } from "../../../infra/cost/main";
import { nodePrice } from "../../../infra/cost/prices";

const idle: Traffic = { requestsPerSecond: 0, writesPerSecond: 0, bytesPerCommand: 500 };
const busy: Traffic = { requestsPerSecond: 1000, writesPerSecond: 100, bytesPerCommand: 500 };

function costOf(args: object, traffic = idle) {
  return estimateCost(resolveOptions({ regions: ["us-east-1"], ...args }), traffic).get("us-east-1")!;
}

describe("a cache's cost", () => {
  test("is that of its nodes, shims and way out by the hour", () => {
    const cost = costOf({ replicas: 1, minShims: 2, egress: "endpoints", zones: 3 });
    expect(cost.cluster).toBeCloseTo(2 * 0.0128 * 730, 2);
    expect(cost.shims).toBeCloseTo(2 * (0.03238 + 2 * 0.00356) * 730, 2);
    expect(cost["way out"]).toBeCloseTo(6 * 3 * 0.01 * 730, 2);
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

  test("does not grow with commands that fit into the same messages", () => {
    const requests = (writesPerSecond: number) => costOf({}, { ...busy, writesPerSecond }).bus;
    expect(requests(5000)).toBeCloseTo(requests(1000), 2);
  });

  test("is said of node types that the table has, and of no other", () => {
    expect(nodePrice("cache.r7g.xlarge")).toBeCloseTo(2 * nodePrice("cache.r7g.large"), 4);
    expect(nodePrice("cache.r7g.12xlarge")).toBeCloseTo(24 * nodePrice("cache.r7g.large"), 4);
    expect(() => nodePrice("cache.z9.large")).toThrow("There is no price of cache.z9.large here");
  });

  test.each(["one-region", "three-regions", "production"])("is shown for the stack file %s", (name) => {
    const [header, ...rows] = costTable(readFileSync(`Pulumi.${name}.yaml`, "utf8"), busy).split("\n");
    expect(header).toMatch(/^\$ a month .*us-east-1 .*all$/);
    const [total] = rows.filter((row) => row.startsWith("all"));
    const amounts = total!.trim().split(/\s+/).slice(1).map(Number);
    expect(amounts.slice(0, -1).reduce((sum, amount) => sum + amount)).toBeCloseTo(amounts.at(-1)!, 0);
  });
});
