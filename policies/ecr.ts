// Rules for ECR: what runs is what was built and scanned.
import * as aws from "@pulumi/aws";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { demanding } from "./judgement";

const { Repository } = aws.ecr;

/** A tag that can move says nothing of what runs. */
export const ecrImmutableTags: ResourceValidationPolicy = {
  name: "ecr-immutable-tags",
  description:
    "Prevents an image from changing under its tag, so that a restart runs something else than the deployment.",
  severity: "medium",
  remediationSteps: 'Set imageTagMutability to "IMMUTABLE".',
  ...demanding<{ imageTagMutability?: string }>([Repository], (repository, { name }, report) => {
    if (repository.imageTagMutability?.startsWith("IMMUTABLE")) return undefined;
    report(`${name} lets tags move. Set imageTagMutability to "IMMUTABLE".`);
    repository.imageTagMutability = "IMMUTABLE";
    return repository;
  }),
};

/** Nobody looks for a hole that nobody was told of. */
export const ecrScanOnPush: ResourceValidationPolicy = {
  name: "ecr-scan-on-push",
  description: "Prevents images with known vulnerabilities from running unnoticed.",
  severity: "medium",
  remediationSteps: "Set imageScanningConfiguration.scanOnPush to true.",
  ...demanding<{ imageScanningConfiguration?: { scanOnPush: boolean } }>(
    [Repository],
    (repository, { name }, report) => {
      if (repository.imageScanningConfiguration?.scanOnPush === true) return undefined;
      report(`${name} does not scan images. Set imageScanningConfiguration.scanOnPush to true.`);
      repository.imageScanningConfiguration = { scanOnPush: true };
      return repository;
    },
  ),
};
