// The AWS regions that a cache may span, and why others are refused.

/**
 * Regions that every account has from the start, and between which SNS delivers under its plain service principal.
 * Append only: a region's position decides its network's addresses.
 */
export const supportedRegions = [
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
  "ca-central-1",
  "sa-east-1",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "eu-central-1",
  "eu-north-1",
  "ap-south-1",
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-southeast-1",
  "ap-southeast-2",
] as const;

/** A region that a cache may span. */
export type Region = (typeof supportedRegions)[number];

// Osaka (ap-northeast-3) needs no opting in, but SNS counts it among these:
// https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html
const optInRegions: readonly string[] = [
  "af-south-1",
  "ap-east-1",
  "ap-east-2",
  "ap-northeast-3",
  "ap-south-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "ap-southeast-5",
  "ap-southeast-6",
  "ap-southeast-7",
  "ca-west-1",
  "eu-central-2",
  "eu-south-1",
  "eu-south-2",
  "il-central-1",
  "me-central-1",
  "me-south-1",
  "mx-central-1",
];

/** Whether a cache may span the region of this name. */
export function isSupportedRegion(name: string): name is Region {
  return supportedRegions.some((region) => region === name);
}

/** Why the region of this name, which is not a supported one, is refused. */
export function refusalOfRegion(name: string): string {
  return optInRegions.includes(name)
    ? "is an opt-in region for SNS, which does not deliver between every pair of those"
    : "is not a region that this package knows";
}
