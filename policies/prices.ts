// What AWS charges by the hour for having something, used or not: US dollars in us-east-1, on demand, in November 2026.
// Other regions cost up to half as much again; traffic, requests and storage come on top.
import * as aws from "@pulumi/aws";
import type { PolicyResource } from "@pulumi/policy";
import { given, ofType, refersTo } from "./references";

const hoursPerMonth = 730;

/** A "large" node with Valkey, by family; other sizes cost as many times as much as they are larger. */
const largeNode: Readonly<Record<string, number>> = { m6g: 0.1192, m7g: 0.1264, r6g: 0.1648, r7g: 0.1752, t4g: 0.1024 };
const smallerSizes: Readonly<Record<string, number>> = { micro: 1 / 8, small: 1 / 4, medium: 1 / 2, large: 1 };
/** How much dearer a node is with Redis or Memcached. */
const otherEngine = 1.25;

const natGateway = 0.045;
const interfaceEndpointPerZone = 0.01;
const loadBalancer = 0.0225;
const fargate = { ARM64: { vcpu: 0.03238, gigabyte: 0.00356 }, X86_64: { vcpu: 0.04048, gigabyte: 0.004445 } };

/**
 * What having a resource costs a month, in US dollars; 0 for what is charged by use, or has a price that is not known here.
 *
 * @throws where a preview cannot know yet.
 */
export function monthlyCost(resource: PolicyResource, resources: readonly PolicyResource[]): number {
  return hourlyCost(resource, resources) * hoursPerMonth;
}

function hourlyCost(resource: PolicyResource, resources: readonly PolicyResource[]): number {
  const count = (property: string, fallback: number): number => given(resource, property) ?? fallback;
  if (resource.isType(aws.elasticache.ReplicationGroup)) {
    const nodes = () => count("numNodeGroups", 1) * (1 + count("replicasPerNodeGroup", 0));
    return node(resource) * (given<number>(resource, "numCacheClusters") ?? nodes());
  }
  if (resource.isType(aws.elasticache.Cluster)) return node(resource) * count("numCacheNodes", 1);
  if (resource.isType(aws.ec2.NatGateway)) return natGateway;
  if (resource.isType(aws.lb.LoadBalancer) || resource.isType(aws.alb.LoadBalancer)) return loadBalancer;
  if (resource.isType(aws.ec2.VpcEndpoint) && given(resource, "vpcEndpointType") === "Interface") {
    return interfaceEndpointPerZone * (given<readonly unknown[]>(resource, "subnetIds")?.length ?? 1);
  }
  if (!resource.isType(aws.ecs.Service) || given(resource, "launchType") === "EC2") return 0;
  const definitions = ofType(resources, aws.ecs.TaskDefinition);
  const definition = definitions.find((one) => refersTo(resource, "taskDefinition", one));
  return definition ? task(definition) * count("desiredCount", 0) : 0;
}

function node(resource: PolicyResource): number {
  const [, family = "", size = ""] = (given<string>(resource, "nodeType") ?? "").split(".");
  const [, times] = /^(\d*)xlarge$/.exec(size) ?? [];
  const relativeSize = times === undefined ? (smallerSizes[size] ?? 0) : 2 * Number(times || 1);
  return (largeNode[family] ?? 0) * relativeSize * (given(resource, "engine") === "valkey" ? 1 : otherEngine);
}

function task(definition: PolicyResource): number {
  const platform = given<{ readonly cpuArchitecture?: string }>(definition, "runtimePlatform");
  const { vcpu, gigabyte } = fargate[platform?.cpuArchitecture === "ARM64" ? "ARM64" : "X86_64"];
  const whole = (property: string): number => Number(given(definition, property) ?? 0) / 1024;
  return whole("cpu") * vcpu + whole("memory") * gigabyte;
}
