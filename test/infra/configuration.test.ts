import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { resolveOptions } from "../../infra/cacheOptions";
import { readConfiguration } from "../../infra/configuration";

function read(values: Record<string, string>) {
  const config = Object.entries(values).map(([name, value]) => [`redis-on-fly:${name}`, value]);
  return readConfiguration(Object.fromEntries([...config, ["aws:region", "us-east-1"]]), "redis-on-fly");
}

function faults(values: Record<string, string>): string[] {
  try {
    read(values);
  } catch (error) {
    return (error as Error).message.split("\n").slice(1);
  }
  return [];
}

const regions = '["us-east-1","eu-west-1"]';
const vpc = '{"vpcId":"vpc-1","subnetIds":["subnet-1","subnet-2"]}';

describe("configuration", () => {
  test("needs nothing but regions", () => {
    expect(read({ regions: '["us-east-1"]' })).toEqual({
      regions: ["us-east-1"],
      egress: "nat",
      zones: 2,
      cidrBlock: "10.64.0.0/10",
      vpcs: {},
      clientCidrBlocks: [],
      clientSecurityGroupIds: {},
      nodeType: "cache.t4g.micro",
      replicas: 1,
      shards: 1,
      maintenanceDay: "sun",
      architecture: "arm64",
      minShims: 2,
      maxShims: 6,
      connectionsPerShim: 5000,
      typedReplies: false,
      shim: {},
      allowGroups: [],
      outboxMode: "memory",
      invalidate: [],
      domainName: "cache.redis-on-fly.internal",
      certificateArns: {},
      envelopeKeyIds: [1],
      clusterPasswordIds: [1],
      clientPasswordIds: [1],
      users: [],
      alarmEmails: [],
      logRetentionDays: 30,
      protect: false,
    });
  });

  test("takes what the stack file says", () => {
    const values = { regions, nodeType: "cache.r7g.large", replicas: "0", egress: "endpoints", protect: "true" };
    expect(read(values)).toMatchObject({
      regions: ["us-east-1", "eu-west-1"],
      nodeType: "cache.r7g.large",
      replicas: 0,
      egress: "endpoints",
      protect: true,
    });
  });

  test("leaves a network of the caller's its own way out", () => {
    expect(read({ regions: '["us-east-1"]', vpcs: `{"us-east-1":${vpc}}` }).egress).toBe("none");
  });

  test("takes for shims what shims take, as a text or a number", () => {
    expect(read({ regions, shim: '{"horizonMs":900000,"clientNames":"on"}' }).shim).toEqual({
      horizonMs: "900000",
      clientNames: "on",
    });
  });

  test("is documented option by option", () => {
    const [, section = ""] = readFileSync("docs/configuration.md", "utf8").split("\n## Pulumi\n");
    const rows = [...section.matchAll(/^\| (`[^|]*`) +\|/gm)].map(([, names]) => names!);
    const documented = rows.flatMap((names) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(documented.sort()).toEqual([...Object.keys(read({ regions })), "image"].sort());
  });

  test("cannot be changed", () => {
    expect(Object.isFrozen(read({ regions: '["us-east-1"]' }))).toBe(true);
  });

  test("stays what it is when it is read again", () => {
    const options = read({ regions, egress: "endpoints" });
    expect(resolveOptions(options)).toEqual(options);
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
      "  replicas: 6 must be a whole number from 0 to 5",
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
    ["replicas are no number", { regions, replicas: "" }, /^ {2}replicas: "" must be a whole number/],
    [
      "a user has the main one's name",
      { regions, users: '[{"name":"fly"}]' },
      /^ {2}users\[0\]\.name: "fly" must be another/,
    ],
    ["a user's name is no part of a URL", { regions, users: '[{"name":"a b"}]' }, /"a b" must consist of letters/],
    [
      "a user is named twice",
      { regions, users: '[{"name":"a"},{"name":"a"}]' },
      /^ {2}users: .* must not name a user twice$/,
    ],
    ["an option has another name", { regions, replica: "1" }, /^ {2}replica: not known; there are regions, egress, /],
    ["shards are more than shims can speak to", { regions, shards: "2" }, /^ {2}shards: 2 must be 1: .*nodeType$/],
    ["a block is not aligned", { regions, cidrBlock: "10.65.0.0/10" }, /^ {2}cidrBlock: "10.65.0.0\/10" must be/],
    [
      "a block is named twice",
      { regions, clientCidrBlocks: '["10.0.0.0/16","10.0.0.0/16"]' },
      /^ {2}clientCidrBlocks: .* must not name anything twice$/,
    ],
    [
      "a security group is named twice",
      { regions, clientSecurityGroupIds: '{"us-east-1":["sg-1","sg-1"]}' },
      /^ {2}clientSecurityGroupIds.*us-east-1.*: .* must not name anything twice$/,
    ],
    [
      "an address is named twice",
      { regions, alarmEmails: '["a@example.com","a@example.com"]' },
      /^ {2}alarmEmails: .* must not name anything twice$/,
    ],
    [
      "a group of commands is named twice, which shims refuse",
      { regions, allowGroups: '["geo","geo"]' },
      /^ {2}allowGroups: .* must not name anything twice$/,
    ],
    ["a block is a number", { regions, cidrBlock: "10" }, /^ {2}cidrBlock: 10 must be an aligned IPv4 block/],
    ["a node type is a number", { regions, nodeType: "1" }, /^ {2}nodeType: 1 must be an ElastiCache node type/],
    ["a domain is a number", { regions, domainName: "1.5" }, /^ {2}domainName: 1.5 must be a DNS name/],
    ["a pattern is a number", { regions, invalidate: "[7]" }, /^ {2}invalidate\[0\]: 7 must be a pattern/],
    ["an image is a number", { regions, image: "7" }, /^ {2}image: 7 must name an image by its digest/],
    ["an image has a tag", { regions, image: "shim:latest" }, /^ {2}image: "shim:latest" must name .* digest/],
    [
      "a retention is none of CloudWatch's",
      { regions, logRetentionDays: "31" },
      /^ {2}logRetentionDays: 31 must be one/,
    ],
    [
      "shims are more than they may be",
      { regions, minShims: "9" },
      /^ {2}maxShims: 6 must not be less than minShims, 9$/,
    ],
    ["there is no way out", { regions, egress: "none" }, /^ {2}egress: "none" goes with networks of your own/],
    [
      "a network has its own way out",
      { regions: '["us-east-1"]', egress: "nat", vpcs: `{"us-east-1":${vpc}}` },
      /^ {2}egress: "nat" must be none/,
    ],
    ["a region lacks a network", { regions, vpcs: `{"us-east-1":${vpc}}` }, /^ {2}vpcs: .*; eu-west-1 missing$/],
    [
      "a stranger has a certificate",
      { regions: '["us-east-1"]', certificateArns: '{"us-east-1":"arn:aws:acm:a","mars-1":"arn:aws:acm:b"}' },
      /^ {2}certificateArns: \["mars-1"\] must be among the regions$/,
    ],
    [
      "a network has one zone",
      { regions: '["us-east-1"]', vpcs: '{"us-east-1":{"vpcId":"vpc-1","subnetIds":[]}}' },
      /two/,
    ],
    ["a cluster has three passwords", { regions, clusterPasswordIds: "[1,2,3]" }, /^ {2}clusterPasswordIds: .*1 to 2/],
    [
      "a shim would not take it",
      { regions, shim: '{"horizonMs":5}' },
      /^ {2}shim.horizonMs: .*5.* must be a whole number from 1000 to 86400000$/,
    ],
    [
      "it is not for the operator to set",
      { regions, shim: '{"password":"sixteen-or-more-letters"}' },
      /^ {2}shim: .* must have none but these names: .*horizonMs/,
    ],
    ["a key is named twice", { regions, envelopeKeyIds: "[1,1]" }, /^ {2}envelopeKeyIds: \[1,1\] must be/],
  ])("is refused where %s", (_case, values, fault) => {
    expect(faults(values)).toEqual([expect.stringMatching(fault)]);
  });
});
