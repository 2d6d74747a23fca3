// Rules for VPCs: nothing that serves a cache can be reached from the internet, nor sends to all of it.
import { BlockList, isIP } from "node:net";
import * as aws from "@pulumi/aws";
import type {
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { demanding, holdsForAny, judgeEach } from "./judgement";
import { ofType, refersTo } from "./references";

const { DefaultSecurityGroup, SecurityGroup, SecurityGroupRule, Subnet } = aws.ec2;
const { SecurityGroupEgressRule, SecurityGroupIngressRule } = aws.vpc;

/** Traffic that a security group lets through; from whom or to whom, and on which ports. */
interface Traffic {
  readonly cidrBlocks?: readonly string[];
  readonly ipv6CidrBlocks?: readonly string[];
  readonly protocol: string;
  readonly fromPort?: number;
  readonly toPort?: number;
}

/** Who is on the internet must not even be able to try. */
export const ec2NoPublicIngress: ResourceValidationPolicy = {
  name: "ec2-no-public-ingress",
  description: "Prevents the internet from reaching a cache or a shim the day that its subnet gets a route.",
  severity: "critical",
  remediationSteps: "Name the security groups, or the private addresses, that may connect.",
  configSchema: portsSchema("Ports that addresses outside private networks may reach.", []),
  validateResource: (args, report) => {
    const { ports } = args.getConfig<{ ports: readonly number[] }>();
    judgeEach(trafficOf(args, "ingress"), (traffic) => {
      const source = publicBlockOf(traffic);
      if (source && !isFor(traffic, ports)) report(`${args.name} lets ${source} in. Name who may connect.`);
    });
  },
};

/** What breaks in wants to phone home. */
export const ec2NoOpenEgress: ResourceValidationPolicy = {
  name: "ec2-no-open-egress",
  description: "Prevents whoever breaks into a task from sending cached data anywhere, over any port.",
  severity: "high",
  remediationSteps: "Allow the ports that are needed, to security groups or prefix lists where possible.",
  configSchema: portsSchema("Ports on which addresses outside private networks may be reached.", [443]),
  validateResource: (args, report) => {
    const { ports } = args.getConfig<{ ports: readonly number[] }>();
    judgeEach(trafficOf(args, "egress"), (traffic) => {
      const target = publicBlockOf(traffic);
      if (target && !isFor(traffic, ports)) report(`${args.name} may send to ${target}. Name what it needs.`);
    });
  },
};

/** A subnet that hands out public addresses makes servers of whatever starts in it. */
export const ec2NoPublicAddresses: ResourceValidationPolicy = {
  name: "ec2-no-public-addresses",
  description:
    "Prevents whatever is started in a subnet from being on the internet without anybody having asked for it.",
  severity: "high",
  remediationSteps: "Remove mapPublicIpOnLaunch.",
  ...demanding<{ mapPublicIpOnLaunch?: boolean }>([Subnet], (subnet, { name }, report) => {
    if (!subnet.mapPublicIpOnLaunch) return undefined;
    report(`${name} gives out public addresses. Remove mapPublicIpOnLaunch.`);
    subnet.mapPublicIpOnLaunch = false;
    return subnet;
  }),
};

/** A subnet is private where no route leads to an internet gateway. */
export const ec2PrivateSubnets: StackValidationPolicy = {
  name: "ec2-private-subnets",
  description:
    "Prevents caches and tasks from standing in a subnet with a route from the internet, one rule away from it.",
  severity: "high",
  remediationSteps: "Put them into subnets whose route table has no route to an internet gateway.",
  validateStack: ({ resources }, report) => {
    const publicSubnets = ofType(resources, Subnet).filter((subnet) => isPublic(subnet, resources));
    const residents = [
      ...ofType(resources, aws.elasticache.SubnetGroup).map((resource) => ({ resource, property: "subnetIds" })),
      ...ofType(resources, aws.ecs.Service).map((resource) => ({ resource, property: "networkConfiguration" })),
    ];
    judgeEach(residents, ({ resource: { name, urn }, resource, property }) => {
      judgeEach(publicSubnets, (subnet) => {
        if (refersTo(resource, property, subnet)) report(`${name} is in ${subnet.name}, a public subnet.`, urn);
      });
    });
  },
};

function isPublic(subnet: PolicyResource, resources: readonly PolicyResource[]): boolean {
  const gateways = ofType(resources, aws.ec2.InternetGateway);
  const leadsOut = (from: PolicyResource, property: string): boolean =>
    holdsForAny(gateways, (gateway) => refersTo(from, property, gateway));
  const routes = ofType(resources, aws.ec2.Route).filter((route) => leadsOut(route, "gatewayId"));
  const tables = ofType(resources, aws.ec2.RouteTable).filter(
    (table) => leadsOut(table, "routes") || holdsForAny(routes, (route) => refersTo(route, "routeTableId", table)),
  );
  return holdsForAny(
    ofType(resources, aws.ec2.RouteTableAssociation).filter((one) => refersTo(one, "subnetId", subnet)),
    (one) => holdsForAny(tables, (table) => refersTo(one, "routeTableId", table)),
  );
}

function portsSchema(description: string, ports: readonly number[]) {
  return {
    properties: { ports: { type: "array", items: { type: "integer" }, description, default: [...ports] } },
  } as const;
}

/** What a resource lets through in a direction, however it says so. */
function trafficOf(args: ResourceValidationArgs, direction: "ingress" | "egress"): readonly Traffic[] {
  const { props } = args;
  if (args.isType(SecurityGroup) || args.isType(DefaultSecurityGroup)) return props[direction] ?? [];
  if (args.isType(SecurityGroupRule)) return props.type === direction ? [props as Traffic] : [];
  if (!args.isType(direction === "ingress" ? SecurityGroupIngressRule : SecurityGroupEgressRule)) args.notApplicable();
  const { cidrIpv4, cidrIpv6, ipProtocol, fromPort, toPort } = props;
  return [{ cidrBlocks: [cidrIpv4 ?? cidrIpv6 ?? []].flat(), protocol: ipProtocol, fromPort, toPort }];
}

/** A block of addresses that are not all private; undefined where there is none. */
function publicBlockOf({ cidrBlocks = [], ipv6CidrBlocks = [] }: Traffic): string | undefined {
  return [...cidrBlocks, ...ipv6CidrBlocks].find((block) => !isPrivate(block));
}

function isFor({ protocol, fromPort, toPort }: Traffic, ports: readonly number[]): boolean {
  return protocol !== "-1" && fromPort !== undefined && fromPort === toPort && ports.includes(fromPort);
}

// RFC 1918, RFC 6598 and RFC 4193.
const privateBlocks = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["fc00::", 7],
] as const;

function isPrivate(block: string): boolean {
  const [address = "", prefix] = block.split("/");
  const version = isIP(address);
  return privateBlocks.some(([network, shortest]) => {
    if (isIP(network) !== version || Number(prefix) < shortest) return false;
    const addresses = new BlockList();
    const family = version === 4 ? "ipv4" : "ipv6";
    addresses.addSubnet(network, shortest, family);
    return addresses.check(address, family);
  });
}
