// A region's private network, made here or the caller's own. Whatever runs in it has private addresses only, and its
// security groups let clients reach shims, shims the cluster and AWS's services, and nobody anything else.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { RunError } from "@pulumi/pulumi/errors";
import { planAddresses } from "./addressPlan";
import type { CacheOptions } from "./cacheOptions";
import { makeEgress } from "./networkEgress";
import { makeSecurityGroups, ports, type SecurityGroups, tcp } from "./networkRules";
import type { Region } from "./regions";

// It takes no new instances of current types: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RegionsAndAZs.html
const excludedZoneIds = ["use1-az3"];

export interface RegionalNetworkArgs {
  /** Region of all of the network's parts. */
  readonly region: Region;
  readonly options: Pick<
    CacheOptions,
    "egress" | "zones" | "cidrBlock" | "vpcs" | "clientCidrBlocks" | "clientSecurityGroupIds" | "typedReplies"
  >;
}

/** Subnets in two or three zones, security groups, and the way to AWS's own services. */
export class RegionalNetwork extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Private subnets, one in each zone. */
  readonly subnetIds: readonly pulumi.Output<string>[];
  readonly securityGroups: SecurityGroups;

  constructor(name: string, { region, options }: RegionalNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:RegionalNetwork", name, {}, opts);
    const parent = { parent: this };
    const { egress, clientCidrBlocks, typedReplies } = options;
    const clientSecurityGroupIds = options.clientSecurityGroupIds[region] ?? [];
    const existing = options.vpcs[region];
    const groupsIn = (vpcId: pulumi.Input<string>) =>
      makeSecurityGroups(name, { region, vpcId, typedReplies, clientCidrBlocks, clientSecurityGroupIds }, parent);

    if (existing) {
      this.vpcId = pulumi.output(existing.vpcId);
      this.subnetIds = existing.subnetIds.map((id) => pulumi.output(id));
      this.securityGroups = groupsIn(this.vpcId);
      // Where the endpoints are, if there are any, is the caller's business.
      new aws.vpc.SecurityGroupEgressRule(
        `${name}-shim-to-internet`,
        { region, ...tcp(ports.https), securityGroupId: this.securityGroups.shim.id, cidrIpv4: "0.0.0.0/0" },
        parent,
      );
    } else {
      const { vpc, privateSubnets, ...rest } = makeVpc(name, region, options, parent);
      this.vpcId = vpc.id;
      this.subnetIds = Object.values(privateSubnets).map(({ id }) => id);
      this.securityGroups = groupsIn(vpc.id);
      makeEgress(
        name,
        { region, egress, vpcId: vpc.id, privateSubnets, ...rest, shimSecurityGroupId: this.securityGroups.shim.id },
        parent,
      );
    }

    this.registerOutputs({ vpcId: this.vpcId, subnetIds: this.subnetIds });
  }
}

function makeVpc(
  name: string,
  region: Region,
  { zones: zoneCount, cidrBlock }: RegionalNetworkArgs["options"],
  opts: pulumi.CustomResourceOptions,
) {
  const addresses = planAddresses(cidrBlock, region, zoneCount);
  const vpc = new aws.ec2.Vpc(
    `${name}-vpc`,
    { region, cidrBlock: addresses.vpc, enableDnsSupport: true, enableDnsHostnames: true },
    opts,
  );
  // A new VPC's default group lets its members talk to each other; nobody wears it, and now it allows nothing.
  new aws.ec2.DefaultSecurityGroup(`${name}-default`, { region, vpcId: vpc.id }, opts);

  // Zone names differ between accounts; the filter leaves local zones out, which have no ElastiCache.
  const zones = aws.getAvailabilityZonesOutput(
    {
      region,
      state: "available",
      excludeZoneIds: excludedZoneIds,
      filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }],
    },
    opts,
  ).names;
  const zone = (index: number) =>
    zones.apply((names) => {
      const found = names[index];
      if (found === undefined)
        throw new RunError(`${region} has ${names.length} zones here: set zones to that or less.`);
      return found;
    });
  const privateSubnets = Object.entries(addresses.privateSubnets).map(([role, block], index) => {
    const args = { region, vpcId: vpc.id, availabilityZone: zone(index), cidrBlock: block };
    return [role, new aws.ec2.Subnet(`${name}-${role}`, args, opts)] as const;
  });
  return {
    vpc,
    privateSubnets: Object.fromEntries(privateSubnets),
    publicSubnetCidrBlock: addresses.publicSubnet,
    publicSubnetZone: zone(0),
  };
}
