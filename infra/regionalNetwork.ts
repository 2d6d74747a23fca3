// A region's private network. Nothing in it has a route to or from the internet, and its security groups let shims reach
// the cluster and nobody else.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type Region, supportedRegions } from "./regions";

/** Port of the region's cluster. */
export const clusterPort = 6379;

export interface RegionalNetworkArgs {
  /** Region of all of the network's parts. Its addresses are apart from every other region's, so that they can be peered. */
  readonly region: Region;
}

/** Subnets in two zones, and the security groups of shims and cluster. */
export class RegionalNetwork extends pulumi.ComponentResource {
  /** One subnet in each of two zones. */
  readonly subnetIds: readonly pulumi.Output<string>[];
  /** What belongs to this group may reach the cluster. */
  readonly shimSecurityGroup: aws.ec2.SecurityGroup;
  /** The cluster's own group. */
  readonly clusterSecurityGroup: aws.ec2.SecurityGroup;

  constructor(name: string, { region }: RegionalNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:RegionalNetwork", name, {}, opts);
    const parent = { parent: this };

    const prefix = `10.${64 + supportedRegions.indexOf(region)}`;
    const vpc = new aws.ec2.Vpc(
      `${name}-vpc`,
      { region, cidrBlock: `${prefix}.0.0/16`, enableDnsSupport: true, enableDnsHostnames: true },
      parent,
    );
    // Zone names differ between accounts; the filter leaves local zones out, which have no ElastiCache.
    const zones = aws.getAvailabilityZonesOutput(
      { region, state: "available", filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }] },
      parent,
    ).names;
    const subnet = (role: string, index: number) =>
      new aws.ec2.Subnet(
        `${name}-${role}`,
        {
          region,
          vpcId: vpc.id,
          availabilityZone: zones.apply((names) => names[index]),
          cidrBlock: `${prefix}.${16 * index}.0/20`,
        },
        parent,
      );
    this.subnetIds = [subnet("first-subnet", 0).id, subnet("second-subnet", 1).id];

    const securityGroup = (role: string, description: string) =>
      new aws.ec2.SecurityGroup(`${name}-${role}`, { region, vpcId: vpc.id, description }, parent);
    this.shimSecurityGroup = securityGroup("shim", "Redis on Fly: shims");
    this.clusterSecurityGroup = securityGroup("cluster", "Redis on Fly: the cluster, for shims only");
    const toCluster = { region, ipProtocol: "tcp", fromPort: clusterPort, toPort: clusterPort };
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-cluster-from-shim`,
      {
        ...toCluster,
        securityGroupId: this.clusterSecurityGroup.id,
        referencedSecurityGroupId: this.shimSecurityGroup.id,
      },
      parent,
    );
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-shim-to-cluster`,
      {
        ...toCluster,
        securityGroupId: this.shimSecurityGroup.id,
        referencedSecurityGroupId: this.clusterSecurityGroup.id,
      },
      parent,
    );

    this.registerOutputs({});
  }
}
