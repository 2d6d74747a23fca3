import { BlockList } from "node:net";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isPlanBlock, planAddresses, planPrefixes } from "../../infra/addressPlan";
import { supportedRegions } from "../../infra/regions";

const planBlock = fc
  .tuple(fc.integer({ min: planPrefixes.shortest, max: planPrefixes.longest }), fc.nat())
  .map(([prefix, seed]) => {
    const start = (10 * 2 ** 24 + (seed % 2 ** (prefix - 8)) * 2 ** (32 - prefix)) >>> 0;
    return `${[24, 16, 8, 0].map((shift) => (start >>> shift) & 255).join(".")}/${prefix}`;
  });

/** First and last address, by means that the plan does not use. */
function bounds(block: string): readonly [number, number] {
  const [address, prefix] = block.split("/") as [string, string];
  const start = Buffer.from(address.split(".").map(Number)).readUInt32BE();
  return [start, start + 2 ** (32 - Number(prefix)) - 1];
}

function within(inner: string, outer: string): boolean {
  const list = new BlockList();
  const [address, prefix] = outer.split("/") as [string, string];
  list.addSubnet(address, Number(prefix));
  const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
  return bounds(inner).every((end) => list.check(text(end)));
}

function overlap(blocks: readonly string[]): boolean {
  const sorted = blocks.map(bounds).toSorted(([one], [other]) => one - other);
  return sorted.some(([start], index) => index > 0 && start <= sorted[index - 1]![1]);
}

describe("the address plan", () => {
  test("gives no two regions, and no two subnets of a region, the same address", () => {
    fc.assert(
      fc.property(planBlock, fc.constantFrom(2, 3), (block, zones) => {
        expect(isPlanBlock(block)).toBe(true);
        const plans = supportedRegions.map((region) => planAddresses(block, region, zones));
        expect(overlap(plans.map(({ vpc }) => vpc))).toBe(false);
        for (const { vpc, privateSubnets, publicSubnet } of plans) {
          const subnets = [...Object.values(privateSubnets), publicSubnet];
          expect(subnets).toHaveLength(zones + 1);
          expect(overlap(subnets)).toBe(false);
          expect([vpc, ...subnets].every((each) => within(each, each === vpc ? block : vpc))).toBe(true);
        }
      }),
    );
  });

  test("leaves subnets where they are when a zone is added", () => {
    const { "third-subnet": third, ...others } = planAddresses("10.64.0.0/10", "eu-west-1", 3).privateSubnets;
    expect(others).toEqual(planAddresses("10.64.0.0/10", "eu-west-1", 2).privateSubnets);
    expect(third).toBe("10.70.32.0/20");
  });

  test.each(["10.0.0.0/9", "10.0.0.0/17", "10.64.0.1/16", "10.65.0.0/10", "300.0.0.0/16", "10.0.0.0", "fc00::/16"])(
    "is not made of %s",
    (block) => expect(isPlanBlock(block)).toBe(false),
  );
});
