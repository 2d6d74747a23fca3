import { describe, expect, test } from "@jest/globals";
import { readConfiguration } from "../../infra/configuration";

function read(values: Record<string, string>) {
  return readConfiguration({ get: (name) => values[name] });
}

function faults(values: Record<string, string>): string[] {
  try {
    read(values);
  } catch (error) {
    return (error as Error).message.split("\n").slice(1);
  }
  return [];
}

describe("configuration", () => {
  test("needs nothing but regions", () => {
    expect(read({ regions: '["us-east-1"]' })).toEqual({
      regions: ["us-east-1"],
      nodeType: "cache.t4g.micro",
      replicas: 1,
    });
  });

  test("takes what the stack file says", () => {
    const values = { regions: '["eu-west-1","us-east-1"]', nodeType: "cache.r7g.large", replicas: "0" };
    expect(read(values)).toEqual({ regions: ["eu-west-1", "us-east-1"], nodeType: "cache.r7g.large", replicas: 0 });
  });

  test("cannot be changed", () => {
    expect(Object.isFrozen(read({ regions: '["us-east-1"]' }))).toBe(true);
  });

  test("reports every fault at once, by name, with its value and what would be right", () => {
    const found = faults({
      regions: '["us-east-1","me-south-1","mars-1"]',
      nodeType: "t4g.micro",
      replicas: "6",
    });
    expect(found).toEqual([
      expect.stringMatching(/^ {2}regions\[1\]: "me-south-1" is an opt-in region .*; choose from us-east-1, /),
      expect.stringMatching(/^ {2}regions\[2\]: "mars-1" is not a region that this package knows; choose from /),
      '  nodeType: "t4g.micro" must be an ElastiCache node type, such as cache.t4g.micro',
      '  replicas: "6" must be a whole number from 0 to 5',
    ]);
  });

  test.each([
    ["regions are missing", {}, /^ {2}regions: nothing must be a list of regions; try: pulumi config set/],
    ["regions are one name", { regions: "us-east-1" }, /^ {2}regions: "us-east-1" must be a list of regions/],
    ["regions hold a number", { regions: "[1]" }, /^ {2}regions\[0\]: 1 must be/],
    ["regions are empty", { regions: "[]" }, /^ {2}regions: \[\] must name at least one region$/],
    [
      "a region is named twice",
      { regions: '["us-east-1","us-east-1"]' },
      /^ {2}regions: .* must not name a region twice$/,
    ],
    [
      "SNS counts a default region as opt-in",
      { regions: '["ap-northeast-3"]' },
      /"ap-northeast-3" is an opt-in region for SNS/,
    ],
    ["replicas are no number", { regions: '["us-east-1"]', replicas: "" }, /^ {2}replicas: "" must be a whole number/],
  ])("is refused where %s", (_case, values, fault) => {
    expect(faults(values)).toEqual([expect.stringMatching(fault)]);
  });
});
