// The region's one address: an internal load balancer before the shims, and a private DNS name that is the same in every
// region, so that the same URL works everywhere.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { clientPorts, ports } from "./networkRules";
import type { RegionalNetwork } from "./regionalNetwork";
import type { Region } from "./regions";

/**
 * After which a silent connection is forgotten. TLS listeners are fixed at this value, the default of all others:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html
 */
export const idleTimeoutSeconds = 350;

/** A port of the balancer, and where it leads. */
export interface Door {
  readonly port: number;
  readonly targetGroup: aws.lb.TargetGroup;
  /** A service may send its tasks to the target group only once this is there. */
  readonly listener: aws.lb.Listener;
}

export interface ShimBalancerArgs {
  readonly region: Region;
  readonly network: RegionalNetwork;
  /** Private DNS name of the cache. */
  readonly domainName: string;
  /** Certificate for `domainName`; with it, clients connect by TLS. */
  readonly certificateArn: pulumi.Input<string> | undefined;
  /** Whether there is a port for typed replies. */
  readonly typedReplies: boolean;
}

/** A network load balancer and its name. */
export class ShimBalancer extends pulumi.ComponentResource {
  readonly loadBalancer: aws.lb.LoadBalancer;
  /** The first is for clients that ask for nothing else; each leads to every shim. */
  readonly doors: readonly [Door, ...Door[]];

  constructor(name: string, args: ShimBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:ShimBalancer", name, {}, opts);
    const { region, network, domainName, certificateArn } = args;
    const parent = { parent: this };
    // Load balancers have 32 characters for a name; a prefix of theirs has six.
    const namePrefix = "fly-";

    this.loadBalancer = new aws.lb.LoadBalancer(
      `${name}-load-balancer`,
      {
        region,
        namePrefix,
        loadBalancerType: "network",
        internal: true,
        subnets: [...network.subnetIds],
        securityGroups: [network.securityGroups.balancer.id],
        // Two shims in three zones must get all of the connections.
        enableCrossZoneLoadBalancing: true,
      },
      parent,
    );
    const open = ([suffix, port]: [suffix: string, port: number]): Door => {
      const targetGroup = new aws.lb.TargetGroup(
        `${name}-targets${suffix}`,
        {
          region,
          namePrefix,
          vpcId: network.vpcId,
          targetType: "ip",
          protocol: "TCP",
          port,
          // Shims admit the balancer's security group, which clients' addresses do not wear.
          preserveClientIp: "false",
          // ECS waits this long before it tells a shim to stop; the shim then drains by itself.
          deregistrationDelay: 15,
          healthCheck: {
            protocol: "HTTP",
            port: String(ports.operations),
            path: "/ready",
            matcher: "200",
            interval: 10,
            timeout: 5,
            healthyThreshold: 2,
            unhealthyThreshold: 2,
          },
        },
        parent,
      );
      const listener = new aws.lb.Listener(
        `${name}-listener${suffix}`,
        {
          region,
          loadBalancerArn: this.loadBalancer.arn,
          port,
          ...(certificateArn === undefined
            ? { protocol: "TCP", tcpIdleTimeoutSeconds: idleTimeoutSeconds }
            : { protocol: "TLS", certificateArn, sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06" }),
          defaultActions: [{ type: "forward", targetGroupArn: targetGroup.arn }],
        },
        parent,
      );
      return { port, targetGroup, listener };
    };
    this.doors = Object.entries(clientPorts(args.typedReplies)).map(open) as [Door, ...Door[]];

    // The zone is the name itself, so that it hides no other name of the network.
    const zone = new aws.route53.Zone(
      `${name}-zone`,
      {
        name: domainName,
        comment: `Redis on Fly in ${region}`,
        vpcs: [{ vpcId: network.vpcId, vpcRegion: region }],
        forceDestroy: true,
      },
      parent,
    );
    new aws.route53.Record(
      `${name}-record`,
      {
        zoneId: zone.zoneId,
        name: domainName,
        type: "A",
        aliases: [{ name: this.loadBalancer.dnsName, zoneId: this.loadBalancer.zoneId, evaluateTargetHealth: false }],
      },
      parent,
    );

    this.registerOutputs({});
  }
}
