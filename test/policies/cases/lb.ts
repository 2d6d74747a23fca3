// Cases of the rule for load balancers.
import { samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";

const inputs = { region: "eu-west-1", loadBalancerType: "network", internal: true };
const balancer = samplesOf("aws:lb/loadBalancer:LoadBalancer", "balancer", inputs);
const olderBalancer = samplesOf("aws:alb/loadBalancer:LoadBalancer", "older", inputs);

export const lbCases: Readonly<Record<string, Cases>> = {
  "lb-internal": {
    right: [balancer(), olderBalancer()],
    wrong: [
      ["balancer faces the internet. Set internal to true.", balancer({ internal: false })],
      ["older faces the internet. Set internal to true.", olderBalancer({ internal: false })],
    ],
    absent: ["balancer faces the internet. Set internal to true.", balancer({ internal: undefined })],
    notApplicable: { type: "aws:lb/targetGroup:TargetGroup", name: "targets", inputs: { internal: false } },
    unknown: balancer({ internal: unknown }),
  },
};
