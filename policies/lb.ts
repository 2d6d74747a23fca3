// Rules for load balancers: what leads to a cache is not on the internet.
import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { demanding } from "./judgement";

/** Redis speaks to whoever reaches it, and scanners reach everything. */
export const lbInternal: ResourceValidationPolicy = {
  name: "lb-internal",
  description:
    "Prevents the whole internet from trying passwords on a cache: a load balancer is public unless told not to.",
  severity: "critical",
  remediationSteps: "Set internal to true, and reach it through peering, a transit gateway or PrivateLink.",
  ...demanding<{ internal?: boolean }>([aws.lb.LoadBalancer, aws.alb.LoadBalancer], (balancer, { name }, report) => {
    if (balancer.internal === true) return undefined;
    report(`${name} faces the internet. Set internal to true.`);
    balancer.internal = true;
    return balancer;
  }),
};
