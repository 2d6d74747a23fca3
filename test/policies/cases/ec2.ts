// Cases of the rules for networks.
import { elsewhere, output, samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { goodStack, service, topic } from "./goodStack";

const redis = { protocol: "tcp", fromPort: 6379, toPort: 6379 };
const https = { protocol: "tcp", fromPort: 443, toPort: 443 };
const everything = { protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] };
const region = "eu-west-1";

const group = samplesOf("aws:ec2/securityGroup:SecurityGroup", "group", { region });
const defaultGroup = samplesOf("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "default", { region });
const rule = samplesOf("aws:ec2/securityGroupRule:SecurityGroupRule", "rule", { region, type: "ingress", ...redis });
const inRule = samplesOf("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "in", {
  region,
  ipProtocol: "tcp",
  fromPort: 6379,
  toPort: 6379,
});
const outRule = samplesOf("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "out", {
  region,
  ipProtocol: "tcp",
  fromPort: 443,
  toPort: 443,
});
const subnet = samplesOf("aws:ec2/subnet:Subnet", "subnet", { region, mapPublicIpOnLaunch: false });

const lets = (name: string, block: string) => `${name} lets ${block} in. Name who may connect.`;
const sends = (name: string, block: string) => `${name} may send to ${block}. Name what it needs.`;

const publicSubnet = subnet({}, "public-subnet-eu-west-1");
const inPublic = { subnets: [output(publicSubnet, "id"), "subnet-b"] };

export const ec2Cases: Readonly<Record<string, Cases>> = {
  "ec2-no-public-ingress": {
    configured: [[{ ports: [6379] }, inRule({ cidrIpv4: "0.0.0.0/0" })]],
    right: [
      group({ ingress: [{ ...redis, cidrBlocks: ["10.1.0.0/16", "172.31.0.0/16"], ipv6CidrBlocks: ["fd00::/8"] }] }),
      rule({ sourceSecurityGroupId: unknown }),
      inRule({ cidrIpv4: "192.168.7.0/24" }),
      inRule({ referencedSecurityGroupId: "sg-1" }),
    ],
    wrong: [
      [lets("group", "0.0.0.0/0"), group({ ingress: [{ ...redis, cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"] }] })],
      [lets("group", "::/0"), group({ ingress: [{ ...redis, ipv6CidrBlocks: ["::/0"] }] })],
      // Half of the internet is too much, and so is a block that only begins where a private one does.
      [lets("rule", "128.0.0.0/1"), rule({ cidrBlocks: ["128.0.0.0/1"] })],
      [lets("in", "10.0.0.0/7"), inRule({ cidrIpv4: "10.0.0.0/7" })],
      [lets("in", "2001:db8::/32"), inRule({ cidrIpv6: "2001:db8::/32" })],
      [lets("default", "0.0.0.0/0"), defaultGroup({ ingress: [everything] })],
    ],
    absent: group(),
    notApplicable: rule({ type: "egress", ...https, cidrBlocks: ["0.0.0.0/0"] }),
    unknown: group({ ingress: [{ ...redis, cidrBlocks: [unknown] }] }),
  },
  "ec2-no-open-egress": {
    configured: [
      [{ ports: [] }, [sends("out", "0.0.0.0/0"), outRule({ cidrIpv4: "0.0.0.0/0" })]],
      [{ ports: [0] }, [sends("group", "0.0.0.0/0"), group({ egress: [everything] })]],
    ],
    right: [
      group({
        egress: [
          { ...https, cidrBlocks: ["0.0.0.0/0"] },
          { ...redis, cidrBlocks: ["10.0.0.0/8"] },
        ],
      }),
      outRule({ cidrIpv4: "0.0.0.0/0" }),
    ],
    wrong: [
      [sends("group", "0.0.0.0/0"), group({ egress: [everything] })],
      [sends("rule", "0.0.0.0/0"), rule({ type: "egress", cidrBlocks: ["0.0.0.0/0"] })],
      [sends("out", "::/0"), outRule({ cidrIpv6: "::/0", toPort: 65_535 })],
    ],
    absent: group({ egress: undefined }),
    notApplicable: inRule({ cidrIpv4: "10.0.0.0/8", toPort: 65_535 }),
    unknown: outRule({ cidrIpv4: unknown }),
  },
  "ec2-no-public-addresses": {
    right: [subnet()],
    wrong: [["subnet gives out public addresses. Remove mapPublicIpOnLaunch.", subnet({ mapPublicIpOnLaunch: true })]],
    absent: subnet({ mapPublicIpOnLaunch: undefined }),
    notApplicable: {
      type: "aws:ec2/defaultSubnet:DefaultSubnet",
      name: "default",
      inputs: { mapPublicIpOnLaunch: true },
    },
    unknown: subnet({ mapPublicIpOnLaunch: unknown }),
  },
  "ec2-private-subnets": {
    right: [goodStack()],
    wrong: [
      [
        "shims-eu-west-1 is in public-subnet-eu-west-1, a public subnet.",
        goodStack([], [service({ networkConfiguration: inPublic }, "shims-eu-west-1")]),
      ],
      [
        "subnets-eu-west-1 is in public-subnet-eu-west-1, a public subnet.",
        goodStack(
          [],
          [
            {
              type: "aws:elasticache/subnetGroup:SubnetGroup",
              name: "subnets-eu-west-1",
              inputs: { region, subnetIds: inPublic.subnets },
            },
          ],
        ),
      ],
    ],
    absent: goodStack([], [service({ networkConfiguration: undefined }, "shims-eu-west-1")]),
    notApplicable: [topic()],
    unknown: goodStack(
      [],
      [service({ networkConfiguration: { subnets: [elsewhere, "subnet-b"] } }, "shims-eu-west-1")],
    ),
  },
};
