// What a cache costs a month, by region and part: what it is made of, by the hour, and the traffic one assumes.
import type { CacheOptions } from "../cacheOptions";
import type { Region } from "../regions";
import {
  hoursPerMonth,
  natGatewayPrices,
  nodePrice,
  prices,
  regionFactors,
  secondsPerMonth,
  transferPerGigabyte,
} from "./prices";

/** What every region's applications do, all the time. */
export interface Traffic {
  /** Commands a second on database 0. */
  readonly requestsPerSecond: number;
  /** Commands a second on database 1. */
  readonly writesPerSecond: number;
  /** Bytes of a command and its reply. */
  readonly bytesPerCommand: number;
}

/** US dollars a month, by part. */
export type RegionalCost = Readonly<Record<(typeof costParts)[number], number>>;

/** Parts of the cost, in the order in which they are shown. */
export const costParts = [
  "cluster",
  "shims",
  "balancer",
  "way out",
  "bus",
  "transfer",
  "monitoring",
  "secrets",
] as const;

/** Publishes are at least this far apart. */
const publishIntervalMs = 50;
/** Receives are, where they bring less than they could. */
const receiveIntervalMs = publishIntervalMs / 5;
/** Deletions wait for each other so long. */
const deletionLingerMs = 1000;
/** Each shim sends a message so often, however little there is to say. */
const canarySeconds = 5;
/** Fargate's, for the shims' one vCPU. */
const gigabytesPerShim = 2;
const interfaceEndpoints = 6;
/** SNS and SQS charge for each. */
const chunkBytes = 64 * 1024;
/** A long poll that brings nothing ends after this. */
const pollSeconds = 20;
/** Messages that one request to SQS receives or deletes at most. */
const maxBatch = 10;
/** Of Container Insights, for a cluster and its service. */
const insightMetrics = 14;
/** Metrics of alarms: on one each, on one of every node, and of those that autoscaling makes, two alarms for either policy. */
const alarms = { single: 5, perNode: 3, scaling: 2 + 2 * 2 };
/** From client to balancer, to shim, to cluster; the two ends of each are in the same zone by chance alone. */
const hops = 3;
const bytesPerGigabyte = 1e9;

/** Estimates a cache's cost, by region. */
export function estimateCost(options: CacheOptions, traffic: Traffic): ReadonlyMap<Region, RegionalCost> {
  return new Map(options.regions.map((region) => [region, regionalCost(options, traffic, region)]));
}

function regionalCost(options: CacheOptions, traffic: Traffic, region: Region): RegionalCost {
  const hourly = hoursPerMonth * regionFactors[region];
  const nodes = 1 + options.replicas;
  // Ports for clients: each has a target group, of which an alarm has a metric.
  const doors = options.typedReplies ? 2 : 1;
  const fargate = prices.fargate[options.architecture];
  const bus = busUse(traffic, options.regions.length, options.minShims);
  const clientGigabytes = gigabytes(
    (traffic.requestsPerSecond + traffic.writesPerSecond) * traffic.bytesPerCommand * secondsPerMonth,
  );
  return {
    cluster: nodes * nodePrice(options.nodeType) * hourly,
    shims: options.minShims * (fargate.vcpu + gigabytesPerShim * fargate.gigabyte) * hourly,
    balancer:
      prices.loadBalancer * hourly +
      prices.loadBalancerUnit * clientGigabytes * regionFactors[region] +
      prices.privateZone,
    "way out": wayOut(options, region, bus.gigabytesOut + bus.gigabytesIn),
    bus: (bus.publishes * prices.snsPerMillion + bus.queueRequests * prices.sqsPerMillion) / 1e6,
    transfer:
      bus.gigabytesOut * (options.regions.length - 1) * transferPerGigabyte[region] +
      clientGigabytes * hops * prices.zoneTransferPerGigabyte * (1 - 1 / zonesOf(options, region)),
    monitoring:
      (alarms.single + doors - 1 + alarms.perNode * nodes + alarms.scaling) * prices.alarmMetric +
      insightMetrics * prices.customMetric +
      (region === options.regions[0] ? prices.dashboard : 0),
    // What shims are given, and a URL for each of their ports.
    secrets: (1 + doors) * prices.secret,
  };
}

function zonesOf({ vpcs, zones }: CacheOptions, region: Region): number {
  return vpcs[region]?.subnetIds.length ?? zones;
}

function wayOut({ egress, zones }: CacheOptions, region: Region, gigabytesThrough: number): number {
  const hourly = hoursPerMonth * regionFactors[region];
  switch (egress) {
    case "endpoints":
      return (
        interfaceEndpoints * zones * prices.interfaceEndpoint * hourly +
        gigabytesThrough * prices.interfaceEndpointPerGigabyte
      );
    case "nat":
      return natGatewayPrices[region] * (hoursPerMonth + gigabytesThrough) + prices.publicAddress * hoursPerMonth;
    case "none":
      return 0;
  }
}

/** What one region's shims do on the bus in a month. */
function busUse({ writesPerSecond, bytesPerCommand }: Traffic, regions: number, shims: number) {
  const messagesPerSecond = Math.min(writesPerSecond, (shims * 1000) / publishIntervalMs);
  const messageBytes = messagesPerSecond === 0 ? 0 : (writesPerSecond / messagesPerSecond) * bytesPerCommand;
  const chunks = Math.max(1, Math.ceil(messageBytes / chunkBytes));
  const sent = messagesPerSecond * secondsPerMonth;
  const canaries = (shims / canarySeconds) * secondsPerMonth;
  const received = (sent + canaries) * regions;
  // As many as come to one shim in the meantime.
  const batches = (ms: number) =>
    received / Math.min(maxBatch, Math.max(1, ((received / secondsPerMonth / shims) * ms) / 1000));
  const polls = Math.max(batches(receiveIntervalMs), (shims * secondsPerMonth) / pollSeconds);
  const publishes = sent * chunks + canaries;
  return {
    publishes,
    // Sent by SNS, received, deleted.
    queueRequests: publishes * regions + polls + batches(deletionLingerMs),
    gigabytesOut: gigabytes(sent * messageBytes),
    gigabytesIn: gigabytes(sent * messageBytes * regions),
  };
}

function gigabytes(bytes: number): number {
  return bytes / bytesPerGigabyte;
}
