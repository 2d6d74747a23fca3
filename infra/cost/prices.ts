// What AWS charges, on demand, in US dollars: us-east-1's prices of November 2026, and by how much other regions are
// dearer. The latter are rounded; a bill will differ by some per cent.
import type { Region } from "../regions";

/** When the prices were looked up. */
export const pricesOf = "November 2026";

export const hoursPerMonth = 730;
export const secondsPerMonth = hoursPerMonth * 3600;

/** In us-east-1, for an hour where nothing else is said. */
export const prices = {
  /** Valkey nodes of the size `large`, by family; other sizes cost as many times as much as they are larger. */
  largeNode: { m6g: 0.1192, m7g: 0.1264, r6g: 0.1648, r7g: 0.1752, t4g: 0.1024 } as Readonly<Record<string, number>>,
  fargate: { arm64: { vcpu: 0.03238, gigabyte: 0.00356 }, amd64: { vcpu: 0.04048, gigabyte: 0.004445 } },
  loadBalancer: 0.0225,
  /** For a gigabyte an hour, new connections and connections aside. */
  loadBalancerUnit: 0.006,
  natGateway: 0.045,
  natGatewayPerGigabyte: 0.045,
  publicAddress: 0.005,
  /** In one zone. */
  interfaceEndpoint: 0.01,
  interfaceEndpointPerGigabyte: 0.01,
  zoneTransferPerGigabyte: 0.02,
  snsPerMillion: 0.5,
  sqsPerMillion: 0.4,
  /** For a month. */
  secret: 0.4,
  alarmMetric: 0.1,
  customMetric: 0.3,
  dashboard: 3,
  privateZone: 0.5,
} as const;

/** By how much a region is dearer than us-east-1. */
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

/** For a gigabyte from a region to any other. */
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
