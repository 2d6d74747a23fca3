// What resources cost by the hour, used or not. Traffic, requests and storage come on top.
import * as aws from "@pulumi/aws";
import type { PolicyResource } from "@pulumi/policy";
import { hoursPerMonth, natGatewayPrices, nodePrice, prices, regionFactors } from "../infra/cost/prices";
import { isSupportedRegion, type Region } from "../infra/regions";
import { given, ofType, refersTo, regionOf } from "./references";

/** How much dearer a node is with Redis or Memcached than with Valkey. */
const otherEngine = 1.25;

/**
 * What having a resource costs a month, in US dollars; 0 for what is charged by use, or has a price that is not known
 * here. Regions that are not known cost what us-east-1 does.
 *
 * @throws where a preview cannot know yet.
 */
export function monthlyCost(resource: PolicyResource, resources: readonly PolicyResource[]): number {
  if (resource.isType(aws.ec2.NatGateway)) return natGatewayPrices[pricedRegionOf(resource)] * hoursPerMonth;
  const hourly = hourlyCost(resource, resources);
  return hourly === 0 ? 0 : hourly * hoursPerMonth * regionFactors[pricedRegionOf(resource)];
}

function pricedRegionOf(resource: PolicyResource): Region {
  const region = regionOf(resource);
  return region !== undefined && isSupportedRegion(region) ? region : "us-east-1";
}

function hourlyCost(resource: PolicyResource, resources: readonly PolicyResource[]): number {
  const count = (property: string, fallback: number): number => given(resource, property) ?? fallback;
  if (resource.isType(aws.elasticache.ReplicationGroup)) {
    const nodes = () => count("numNodeGroups", 1) * (1 + count("replicasPerNodeGroup", 0));
    return node(resource) * (given<number>(resource, "numCacheClusters") ?? nodes());
  }
  if (resource.isType(aws.elasticache.Cluster)) return node(resource) * count("numCacheNodes", 1);
  if (resource.isType(aws.lb.LoadBalancer) || resource.isType(aws.alb.LoadBalancer)) return prices.loadBalancer;
  if (resource.isType(aws.ec2.VpcEndpoint) && given(resource, "vpcEndpointType") === "Interface") {
    return prices.interfaceEndpoint * (given<readonly unknown[]>(resource, "subnetIds")?.length ?? 1);
  }
  if (!resource.isType(aws.ecs.Service) || given(resource, "launchType") === "EC2") return 0;
  const definitions = ofType(resources, aws.ecs.TaskDefinition);
  const definition = definitions.find((one) => refersTo(resource, "taskDefinition", one));
  return definition ? task(definition) * count("desiredCount", 0) : 0;
}

function node(resource: PolicyResource): number {
  const nodeType = given<string>(resource, "nodeType") ?? "";
  const factor = given(resource, "engine") === "valkey" ? 1 : otherEngine;
  try {
    return nodePrice(nodeType) * factor;
  } catch {
    // It has no price there; whether it is allowed is another rule's business.
    return 0;
  }
}

function task(definition: PolicyResource): number {
  const platform = given<{ readonly cpuArchitecture?: string }>(definition, "runtimePlatform");
  const { vcpu, gigabyte } = prices.fargate[platform?.cpuArchitecture === "ARM64" ? "arm64" : "amd64"];
  const whole = (property: string): number => Number(given(definition, property) ?? 0) / 1024;
  return whole("cpu") * vcpu + whole("memory") * gigabyte;
}
