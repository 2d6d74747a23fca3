// Cases of the rules for every resource: where it is and whose it is.
import { elsewhere, type Input, type Sample, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { replicationGroup } from "./elasticache";
import { goodStack, queue, topic } from "./goodStack";

const costs = (dollars: number) => `The stack costs $${dollars} a month or more; the limit is $200.`;
const americanCache = (changes: Record<string, Input>) =>
  replicationGroup({ region: "us-east-1", ...changes }, "cache-us-east-1");
const copies = (count: number, type: string, inputs: Record<string, Input>): Sample[] =>
  Array.from({ length: count }, (_, index) => ({
    type,
    name: `copy-${index}`,
    inputs: { region: "us-east-1", ...inputs },
  }));

export const stackCases: Readonly<Record<string, Cases>> = {
  "stack-regions": {
    configured: [
      [{ allowed: ["me-south-1"] }, queue({ region: "me-south-1" })],
      [{ allowed: ["me-south-1"] }, ["queue is in us-east-1, which is not allowed.", queue({ region: "us-east-1" })]],
    ],
    right: [
      queue({ region: "us-east-1" }),
      { ...queue({ region: undefined }), provider: { region: "ap-southeast-2" } },
    ],
    wrong: [
      ["queue is in me-south-1, which is not allowed.", queue({ region: "me-south-1" })],
      [
        "topic is in eu-south-2, which is not allowed.",
        { ...topic({ region: undefined }), provider: { region: "eu-south-2" } },
      ],
    ],
    absent: queue({ region: undefined }),
    notApplicable: {
      type: "aws:route53/record:Record",
      name: "record",
      inputs: {},
      provider: { region: "me-south-1" },
    },
    unknown: queue({ region: unknown }),
  },
  "stack-tags": {
    options: { required: ["Owner", "Stage"] },
    right: [
      queue({ tags: { Owner: "caches", Stage: "production" } }),
      { ...queue({ tags: { Stage: "production" } }), provider: { defaultTags: { tags: { Owner: "caches" } } } },
      { ...queue(), provider: { defaultTags: JSON.stringify({ tags: { Owner: "caches", Stage: "production" } }) } },
    ],
    wrong: [
      ["queue has no Owner, Stage. Set the tags that say whose it is.", queue({ tags: { Name: "queue" } })],
      [
        "topic has no Owner. Set the tags that say whose it is.",
        { ...topic(), provider: { defaultTags: { tags: { Stage: "production" } } } },
      ],
    ],
    configured: [[{ required: [] }, queue()]],
    absent: ["queue has no Owner, Stage. Set the tags that say whose it is.", queue({ tags: undefined })],
    notApplicable: { type: "aws:ec2/route:Route", name: "route", inputs: { region: "eu-west-1" } },
    unknown: queue({ tags: unknown }),
  },
  "stack-cost": {
    // The good stack has two nodes of cache.t4g.micro and four tasks: 730 h × (2 × $0.0128 + 4 × $0.0395) = $134;
    // half of it is in eu-west-1, where all is dearer by 9 %: $140.
    options: { dollars: 200 },
    right: [goodStack()],
    wrong: [
      [costs(387), goodStack([], [americanCache({ nodeType: "cache.r7g.large", numCacheClusters: 2 })])],
      [costs(770), goodStack([], [americanCache({ nodeType: "cache.r7g.2xlarge", engine: "redis" })])],
      [
        costs(1154),
        goodStack([], [americanCache({ nodeType: "cache.r7g.large", numNodeGroups: 4, replicasPerNodeGroup: 1 })]),
      ],
      [costs(239), goodStack([], copies(3, "aws:ec2/natGateway:NatGateway", {}))],
      [costs(222), goodStack([], copies(5, "aws:lb/loadBalancer:LoadBalancer", { internal: true }))],
      [
        costs(250),
        goodStack(
          [],
          copies(5, "aws:ec2/vpcEndpoint:VpcEndpoint", { vpcEndpointType: "Interface", subnetIds: ["a", "b", "c"] }),
        ),
      ],
    ],
    configured: [[{ dollars: 140.1 }, goodStack()]],
    absent: goodStack([], [americanCache({ nodeType: undefined })]),
    notApplicable: goodStack([], copies(50, "aws:ec2/vpcEndpoint:VpcEndpoint", { vpcEndpointType: "Gateway" })),
    unknown: goodStack([], [americanCache({ nodeType: elsewhere })]),
  },
};
