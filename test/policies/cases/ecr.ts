// Cases of the rules for image repositories.
import { samplesOf, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";

const repository = samplesOf("aws:ecr/repository:Repository", "images", {
  region: "eu-west-1",
  imageTagMutability: "IMMUTABLE",
  imageScanningConfiguration: { scanOnPush: true },
});
const publicRepository = { type: "aws:ecrpublic/repository:Repository", name: "public", inputs: {} };

const moves = 'images lets tags move. Set imageTagMutability to "IMMUTABLE".';
const unscanned = "images does not scan images. Set imageScanningConfiguration.scanOnPush to true.";

export const ecrCases: Readonly<Record<string, Cases>> = {
  "ecr-immutable-tags": {
    right: [repository(), repository({ imageTagMutability: "IMMUTABLE_WITH_EXCLUSION" })],
    wrong: [[moves, repository({ imageTagMutability: "MUTABLE" })]],
    absent: [moves, repository({ imageTagMutability: undefined })],
    notApplicable: publicRepository,
    unknown: repository({ imageTagMutability: unknown }),
  },
  "ecr-scan-on-push": {
    right: [repository()],
    wrong: [[unscanned, repository({ imageScanningConfiguration: { scanOnPush: false } })]],
    absent: [unscanned, repository({ imageScanningConfiguration: undefined })],
    notApplicable: publicRepository,
    unknown: repository({ imageScanningConfiguration: { scanOnPush: unknown } }),
  },
};
