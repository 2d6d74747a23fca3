// How shims reach AWS's own services from a network made here. The S3 gateway, from which ECR serves image layers, costs
// nothing and is there in any case.
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Egress } from "./cacheOptions";
import { ports, tcp } from "./networkRules";
import type { Region } from "./regions";

/** Services that shims and the agent which starts them call. */
const endpointServices = ["sns", "sqs", "ecr.api", "ecr.dkr", "logs", "secretsmanager"] as const;

export interface NetworkEgressArgs {
  readonly region: Region;
  readonly egress: Egress;
  readonly vpcId: pulumi.Input<string>;
  /** One in each zone, by its name. */
  readonly privateSubnets: Readonly<Record<string, aws.ec2.Subnet>>;
  /** Block of the NAT gateway's subnet. */
  readonly publicSubnetCidrBlock: string;
  readonly publicSubnetZone: pulumi.Input<string>;
  readonly shimSecurityGroupId: pulumi.Input<string>;
}

/** Makes a network's routes out, as children of `opts.parent`. */
export function makeEgress(name: string, args: NetworkEgressArgs, opts: pulumi.CustomResourceOptions): void {
  const { region, vpcId, shimSecurityGroupId } = args;

  const routeTable = new aws.ec2.RouteTable(`${name}-private-routes`, { region, vpcId }, opts);
  for (const [role, subnet] of Object.entries(args.privateSubnets)) {
    new aws.ec2.RouteTableAssociation(
      `${name}-${role}-routes`,
      { region, subnetId: subnet.id, routeTableId: routeTable.id },
      opts,
    );
  }
  const s3 = new aws.ec2.VpcEndpoint(
    `${name}-s3`,
    {
      region,
      vpcId,
      serviceName: `com.amazonaws.${region}.s3`,
      vpcEndpointType: "Gateway",
      routeTableIds: [routeTable.id],
    },
    opts,
  );

  const allowOut = (role: string, target: Partial<aws.vpc.SecurityGroupEgressRuleArgs>) =>
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-shim-to-${role}`,
      { region, ...tcp(ports.https), securityGroupId: shimSecurityGroupId, ...target },
      opts,
    );
  if (args.egress === "nat") {
    makeNatGateway(name, args, routeTable, opts);
    allowOut("internet", { cidrIpv4: "0.0.0.0/0" });
  } else {
    allowOut("s3", { prefixListId: s3.prefixListId });
    allowOut("endpoints", { referencedSecurityGroupId: makeEndpoints(name, args, opts).id });
  }
}

/** One gateway for all zones: it costs a third of three, and an outage of its zone stops replication, not the cache. */
function makeNatGateway(
  name: string,
  args: NetworkEgressArgs,
  privateRoutes: aws.ec2.RouteTable,
  opts: pulumi.CustomResourceOptions,
): void {
  const { region, vpcId } = args;
  const gateway = new aws.ec2.InternetGateway(`${name}-internet`, { region, vpcId }, opts);
  const subnet = new aws.ec2.Subnet(
    `${name}-public-subnet`,
    { region, vpcId, availabilityZone: args.publicSubnetZone, cidrBlock: args.publicSubnetCidrBlock },
    opts,
  );
  const routeTable = new aws.ec2.RouteTable(`${name}-public-routes`, { region, vpcId }, opts);
  const everywhere = { region, destinationCidrBlock: "0.0.0.0/0" };
  const route = new aws.ec2.Route(
    `${name}-public-to-internet`,
    { ...everywhere, routeTableId: routeTable.id, gatewayId: gateway.id },
    opts,
  );
  new aws.ec2.RouteTableAssociation(
    `${name}-public-subnet-routes`,
    { region, subnetId: subnet.id, routeTableId: routeTable.id },
    opts,
  );
  const address = new aws.ec2.Eip(`${name}-nat-address`, { region, domain: "vpc" }, opts);
  const nat = new aws.ec2.NatGateway(
    `${name}-nat`,
    { region, subnetId: subnet.id, allocationId: address.id },
    { ...opts, dependsOn: [route] },
  );
  new aws.ec2.Route(
    `${name}-private-to-nat`,
    { ...everywhere, routeTableId: privateRoutes.id, natGatewayId: nat.id },
    opts,
  );
}

/** Makes the interface endpoints and the security group that admits shims to them. */
function makeEndpoints(
  name: string,
  { region, vpcId, privateSubnets, shimSecurityGroupId }: NetworkEgressArgs,
  opts: pulumi.CustomResourceOptions,
): aws.ec2.SecurityGroup {
  const group = new aws.ec2.SecurityGroup(
    `${name}-endpoints`,
    { region, vpcId, description: "Redis on Fly: endpoints of AWS's services, for shims only" },
    opts,
  );
  new aws.vpc.SecurityGroupIngressRule(
    `${name}-endpoints-from-shim`,
    { region, ...tcp(ports.https), securityGroupId: group.id, referencedSecurityGroupId: shimSecurityGroupId },
    opts,
  );
  for (const service of endpointServices) {
    new aws.ec2.VpcEndpoint(
      `${name}-${service.replace(".", "-")}`,
      {
        region,
        vpcId,
        serviceName: `com.amazonaws.${region}.${service}`,
        vpcEndpointType: "Interface",
        privateDnsEnabled: true,
        subnetIds: Object.values(privateSubnets).map(({ id }) => id),
        securityGroupIds: [group.id],
      },
      opts,
    );
  }
  return group;
}
