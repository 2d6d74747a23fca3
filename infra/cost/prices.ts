// What AWS charges, on demand, in US dollars: us-east-1's prices of November 2026, NAT gateways' of every region, and by
// how much other regions are dearer. The latter is an assumption, one factor for all that has it; a bill will differ by
// some per cent. Beside each group is the page to hold it against.
import type { Region } from "../regions";

/** When the prices were looked up. */
export const pricesOf = "November 2026";

export const hoursPerMonth = 730;
export const secondsPerMonth = hoursPerMonth * 3600;

/** In us-east-1, for an hour where nothing else is said. */
export const prices = {
  /**
   * Valkey nodes of the size `large`, by family; other sizes cost as many times as much as they are larger:
   * https://aws.amazon.com/elasticache/pricing/ (r7g and t4g were looked up, the others are 0.8 times Redis OSS's).
   */
  largeNode: { m6g: 0.1192, m7g: 0.1264, r6g: 0.1648, r7g: 0.1752, t4g: 0.1024 } as Readonly<Record<string, number>>,
  /** https://aws.amazon.com/fargate/pricing/ */
  fargate: { arm64: { vcpu: 0.03238, gigabyte: 0.00356 }, amd64: { vcpu: 0.04048, gigabyte: 0.004445 } },
  /** https://aws.amazon.com/elasticloadbalancing/pricing/ */
  loadBalancer: 0.0225,
  /** For a gigabyte an hour, new connections and connections aside. */
  loadBalancerUnit: 0.006,
  /** https://aws.amazon.com/vpc/pricing/ */
  publicAddress: 0.005,
  /** In one zone: https://aws.amazon.com/privatelink/pricing/ */
  interfaceEndpoint: 0.01,
  interfaceEndpointPerGigabyte: 0.01,
  /** Half of it at either end: https://aws.amazon.com/ec2/pricing/on-demand/ */
  zoneTransferPerGigabyte: 0.02,
  /** https://aws.amazon.com/sns/pricing/ */
  snsPerMillion: 0.5,
  /** https://aws.amazon.com/sqs/pricing/ */
  sqsPerMillion: 0.4,
  /** For a month: https://aws.amazon.com/secrets-manager/pricing/ */
  secret: 0.4,
  /** For a month, as the next two: https://aws.amazon.com/cloudwatch/pricing/ */
  alarmMetric: 0.1,
  customMetric: 0.3,
  dashboard: 3,
  /** For a month: https://aws.amazon.com/route53/pricing/ */
  privateZone: 0.5,
} as const;

/** A NAT gateway, for an hour, and again for each gigabyte: https://aws.amazon.com/vpc/pricing/ */
export const natGatewayPrices: Readonly<Record<Region, number>> = {
  "us-east-1": 0.045,
  "us-east-2": 0.045,
  "us-west-1": 0.048,
  "us-west-2": 0.045,
  "ca-central-1": 0.05,
  "sa-east-1": 0.093,
  "eu-west-1": 0.048,
  "eu-west-2": 0.05,
  "eu-west-3": 0.05,
  "eu-central-1": 0.052,
  "eu-north-1": 0.046,
  "ap-south-1": 0.056,
  "ap-northeast-1": 0.062,
  "ap-northeast-2": 0.059,
  "ap-southeast-1": 0.059,
  "ap-southeast-2": 0.059,
};

/** By how much a region is dearer than us-east-1, NAT gateways and transfer aside: assumed, about what nodes and tasks cost. */
export const regionFactors: Readonly<Record<Region, number>> = {
  "us-east-1": 1,
  "us-east-2": 1,
  "us-west-1": 1.13,
  "us-west-2": 1,
  "ca-central-1": 1.08,
  "sa-east-1": 1.58,
  "eu-west-1": 1.09,
  "eu-west-2": 1.14,
  "eu-west-3": 1.15,
  "eu-central-1": 1.19,
  "eu-north-1": 1.03,
  "ap-south-1": 1.08,
  "ap-northeast-1": 1.2,
  "ap-northeast-2": 1.2,
  "ap-southeast-1": 1.2,
  "ap-southeast-2": 1.22,
};

/** For a gigabyte from a region to any other; the receiver pays nothing: https://aws.amazon.com/ec2/pricing/on-demand/ */
export const transferPerGigabyte: Readonly<Record<Region, number>> = {
  "us-east-1": 0.02,
  "us-east-2": 0.02,
  "us-west-1": 0.02,
  "us-west-2": 0.02,
  "ca-central-1": 0.02,
  "sa-east-1": 0.138,
  "eu-west-1": 0.02,
  "eu-west-2": 0.02,
  "eu-west-3": 0.02,
  "eu-central-1": 0.02,
  "eu-north-1": 0.02,
  "ap-south-1": 0.086,
  "ap-northeast-1": 0.09,
  "ap-northeast-2": 0.08,
  "ap-southeast-1": 0.09,
  "ap-southeast-2": 0.098,
};

const sizesBelowLarge: Readonly<Record<string, number>> = { micro: 1 / 8, small: 1 / 4, medium: 1 / 2, large: 1 };

/**
 * An hour of a Valkey node in us-east-1.
 *
 * @throws Error where the table does not have the node type
 */
export function nodePrice(nodeType: string): number {
  const [, family = "", size = ""] = nodeType.split(".");
  const large = prices.largeNode[family];
  const [, times] = /^(\d*)xlarge$/.exec(size) ?? [];
  const relativeSize = times === undefined ? sizesBelowLarge[size] : 2 * Number(times || 1);
  if (large === undefined || relativeSize === undefined) {
    throw new Error(
      `There is no price of ${nodeType} here: add it to infra/cost/prices.ts. Families known: ${Object.keys(prices.largeNode).join(", ")}.`,
    );
  }
  return large * relativeSize;
}
