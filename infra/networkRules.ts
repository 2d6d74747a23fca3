// Who may connect to whom in a region: clients to the load balancer, the balancer to shims, shims to the cluster and to
// AWS's own services. Nothing else is allowed, in either direction.
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Region } from "./regions";

/** Ports within a region. */
export const ports = {
  /** Where clients connect, to the balancer, and the balancer to shims. */
  shim: 6379,
  /** The same, for clients that database 1 answers with the types of a command's reply. */
  typed: 6380,
  /** A shim's health and metrics. */
  operations: 9121,
  cluster: 6379,
  https: 443,
} as const;

/** Ports that clients connect to, by the suffix of what is made for each. */
export function clientPorts(typedReplies: boolean): Readonly<Record<string, number>> {
  return { "": ports.shim, ...(typedReplies && { "-typed": ports.typed }) };
}

/** A region's security groups. */
export interface SecurityGroups {
  /** Worn by clients: members may connect to the cache. It allows nothing else. */
  readonly client: aws.ec2.SecurityGroup;
  readonly balancer: aws.ec2.SecurityGroup;
  readonly shim: aws.ec2.SecurityGroup;
  readonly cluster: aws.ec2.SecurityGroup;
}

export interface NetworkRulesArgs {
  readonly region: Region;
  readonly vpcId: pulumi.Input<string>;
  /** Whether clients connect to the port for typed replies, too. */
  readonly typedReplies: boolean;
  /** Blocks whose addresses may connect to the cache. */
  readonly clientCidrBlocks: readonly string[];
  /** Groups, beside the one made here, whose members may connect. */
  readonly clientSecurityGroupIds: readonly pulumi.Input<string>[];
}

/** Makes a region's security groups and the rules between them, as children of `opts.parent`. */
export function makeSecurityGroups(
  name: string,
  args: NetworkRulesArgs,
  opts: pulumi.CustomResourceOptions,
): SecurityGroups {
  const { region, vpcId } = args;
  const group = (role: string, description: string) =>
    new aws.ec2.SecurityGroup(`${name}-${role}`, { region, vpcId, description: `Redis on Fly: ${description}` }, opts);
  const groups = {
    client: group("client", "who wears it may connect to the cache"),
    balancer: group("balancer", "the load balancer"),
    shim: group("shim", "shims"),
    cluster: group("cluster", "the cluster, for shims only"),
  };

  const link = (from: keyof SecurityGroups, to: keyof SecurityGroups, port: number, role = "") => {
    const rule = { region, ...tcp(port) };
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-${to}-from-${from}${role}`,
      { ...rule, securityGroupId: groups[to].id, referencedSecurityGroupId: groups[from].id },
      opts,
    );
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-${from}-to-${to}${role}`,
      { ...rule, securityGroupId: groups[from].id, referencedSecurityGroupId: groups[to].id },
      opts,
    );
  };
  const doors = Object.entries(clientPorts(args.typedReplies));
  for (const [suffix, port] of doors) {
    link("client", "balancer", port, suffix);
    link("balancer", "shim", port, suffix);
  }
  link("balancer", "shim", ports.operations, "-health");
  link("shim", "cluster", ports.cluster);

  const admit = (role: string, source: { cidrIpv4: string } | { referencedSecurityGroupId: pulumi.Input<string> }) => {
    for (const [suffix, port] of doors) {
      new aws.vpc.SecurityGroupIngressRule(
        `${name}-balancer-from-${role}${suffix}`,
        { region, ...tcp(port), securityGroupId: groups.balancer.id, ...source },
        opts,
      );
    }
  };
  for (const cidrIpv4 of args.clientCidrBlocks) admit(cidrIpv4.replace("/", "-"), { cidrIpv4 });
  args.clientSecurityGroupIds.forEach((referencedSecurityGroupId, index) => {
    // An id that another resource produces has no text to name the rule by.
    const role = typeof referencedSecurityGroupId === "string" ? referencedSecurityGroupId : `group-${index}`;
    admit(role, { referencedSecurityGroupId });
  });
  return groups;
}

/** A rule for one TCP port. */
export function tcp(port: number) {
  return { ipProtocol: "tcp", fromPort: port, toPort: port };
}
