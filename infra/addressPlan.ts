// Which addresses each region's network takes. No two regions overlap, so that their networks can be peered, and a
// region's addresses depend on nothing but its own position, so that adding a region moves no other.
import { type Region, supportedRegions } from "./regions";

// 2^6 regions fit into a plan, and 2^4 subnets into a region.
const regionBits = 6;
const subnetBits = 4;
const publicSubnetIndex = 2 ** subnetBits - 1;

/** Names of private subnets, in the order of zones. */
const subnetNames = ["first-subnet", "second-subnet", "third-subnet"] as const;

/** Prefix lengths that a plan's block may have: VPCs are /16 at most, and a subnet needs some dozens of addresses. */
export const planPrefixes = { shortest: 10, longest: 16 } as const;

/** A region's share of the plan, in CIDR notation. */
export interface RegionalAddresses {
  readonly vpc: string;
  /** By name, one for each zone, in their order. */
  readonly privateSubnets: Readonly<Record<string, string>>;
  /** For a NAT gateway. */
  readonly publicSubnet: string;
}

/** Plans a region's addresses within `cidrBlock`, which {@link isPlanBlock}, for two or three zones. */
export function planAddresses(cidrBlock: string, region: Region, zones: number): RegionalAddresses {
  const { start, prefix } = parsed(cidrBlock);
  const vpc = partOf({ start, prefix }, regionBits, supportedRegions.indexOf(region));
  const subnet = (index: number) => textOf(partOf(vpc, subnetBits, index));
  return {
    vpc: textOf(vpc),
    privateSubnets: Object.fromEntries(subnetNames.slice(0, zones).map((name, index) => [name, subnet(index)])),
    publicSubnet: subnet(publicSubnetIndex),
  };
}

/** Whether `text` is an IPv4 block, aligned to its own size, from which a plan can be made. */
export function isPlanBlock(text: string): boolean {
  if (!/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/.test(text)) return false;
  const { start, prefix } = parsed(text);
  const { shortest, longest } = planPrefixes;
  return prefix >= shortest && prefix <= longest && start % sizeOf(prefix) === 0 && textOf({ start, prefix }) === text;
}

interface Block {
  /** First address, as a number. */
  readonly start: number;
  readonly prefix: number;
}

function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

function partOf({ start, prefix }: Block, bits: number, index: number): Block {
  return { start: start + index * sizeOf(prefix + bits), prefix: prefix + bits };
}

function parsed(text: string): Block {
  const [address = "", prefix] = text.split("/");
  return { start: address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0), prefix: Number(prefix) };
}

function textOf({ start, prefix }: Block): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256);
  return `${bytes.join(".")}/${prefix}`;
}
