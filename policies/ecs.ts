// Rules for ECS: what runs is known and cannot be changed, tells no secrets, and stops without losing what it accepted.
import * as aws from "@pulumi/aws";
import {
  type ResourceValidation,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { cacheUrlVariable, shimVariables } from "../shim/contract";
import { demanding, judgeEach, parsed } from "./judgement";
import { isProduction, productionSchema } from "./production";

const { Service, TaskDefinition } = aws.ecs;

/** What rules read of a container definition. */
interface Container {
  readonly name: string;
  readonly image: string;
  readonly readonlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly environment?: readonly { readonly name: string; readonly value: string }[];
  readonly logConfiguration?: unknown;
  /** In seconds; ECS has 30 where none is given. */
  readonly stopTimeout?: number;
}

/** Judges each container of a task definition. */
function judgingContainers(
  judge: (container: Container, report: (fault: string) => void, args: ResourceValidationArgs) => void,
): ResourceValidation {
  return validateResourceOfType(TaskDefinition, ({ containerDefinitions }, args, report) => {
    judgeEach((parsed(containerDefinitions) ?? []) as readonly Container[], (container) => {
      judge(container, (fault) => report(`${args.name}: container ${container.name} ${fault}`), args);
    });
  });
}

/** A digest names one image for ever. */
export const ecsImageByDigest: ResourceValidationPolicy = {
  name: "ecs-image-by-digest",
  description:
    "Prevents two tasks of one service from running different code, and a rollback from running what was wrong: a tag " +
    "is looked up each time a task starts.",
  severity: "high",
  remediationSteps: "Name the image as repository@sha256:digest.",
  validateResource: judgingContainers(({ image }, report) => {
    if (!/@sha256:[0-9a-f]{64}$/.test(image)) report(`runs ${image}, which a tag may move. Name it by its digest.`);
  }),
};

/** What cannot be written cannot be replaced. */
export const ecsReadOnlyRoot: ResourceValidationPolicy = {
  name: "ecs-read-only-root",
  description:
    "Prevents whoever breaks into a container from leaving a program behind, and a full disk from stopping it.",
  severity: "medium",
  remediationSteps: "Set readonlyRootFilesystem to true, and mount a volume where something must be written.",
  validateResource: judgingContainers(({ readonlyRootFilesystem }, report) => {
    if (readonlyRootFilesystem !== true) report("may write to its own image. Set readonlyRootFilesystem to true.");
  }),
};

/** A privileged container is its host. */
export const ecsNoPrivileges: ResourceValidationPolicy = {
  name: "ecs-no-privileges",
  description: "Prevents whoever breaks into a container from owning the host and every other task on it.",
  severity: "critical",
  remediationSteps: "Remove privileged.",
  validateResource: judgingContainers(({ privileged }, report) => {
    if (privileged === true) report("is privileged. Remove privileged.");
  }),
};

// The shim's own, whose names do not all look like it.
const secretVariables: ReadonlySet<string> = new Set([
  cacheUrlVariable,
  shimVariables.clusterUrl,
  shimVariables.envelopeKeys,
  shimVariables.password,
  shimVariables.users,
]);

/** Everybody who may describe a task definition reads its environment. */
export const ecsNoPlainSecrets: ResourceValidationPolicy = {
  name: "ecs-no-plain-secrets",
  description:
    "Prevents passwords from being read by everybody who may look at task definitions, in the console and in every old " +
    "revision, for ever.",
  severity: "critical",
  remediationSteps: "Put the value into Secrets Manager, and name it in the container's secrets (valueFrom).",
  configSchema: {
    properties: {
      pattern: {
        type: "string",
        description: "Regular expression, without regard to case, of the names of variables that hold secrets.",
        default: "PASSW(OR)?D|SECRET|TOKEN|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY",
      },
    },
  },
  validateResource: judgingContainers(({ environment = [] }, report, { getConfig }) => {
    const pattern = new RegExp(getConfig<{ pattern: string }>().pattern, "i");
    for (const { name, value } of environment) {
      const isSecret = secretVariables.has(name) || pattern.test(name);
      // An ARN only says where a secret is; a URL with a password is one, whatever its name.
      if ((isSecret && value && !value.startsWith("arn:")) || /:\/\/[^/\s@]*:[^/\s@]+@/.test(value)) {
        report(`has a secret in plain text (${name}). Move it from environment to secrets.`);
      }
    }
  }),
};

/** The list of refused commands is a promise to applications in every region. */
export const ecsRefusalsKept: ResourceValidationPolicy = {
  name: "ecs-refusals-kept",
  description:
    "Prevents applications in one region from relying on commands that the others refuse, and scripts from stopping the " +
    "cluster under everybody.",
  severity: "high",
  remediationSteps: `Remove ${shimVariables.allowGroups}, or allow its groups in the pack's configuration.`,
  configSchema: {
    properties: {
      groups: {
        type: "array",
        items: { type: "string" },
        description: "Groups of refused commands that shims may allow.",
        default: [],
      },
    },
  },
  validateResource: judgingContainers(({ environment = [] }, report, { getConfig }) => {
    const { groups } = getConfig<{ groups: readonly string[] }>();
    const { value = "" } = environment.find(({ name }) => name === shimVariables.allowGroups) ?? {};
    const excess = value
      .split(",")
      .map((group) => group.trim())
      .filter((group) => group !== "" && !groups.includes(group));
    if (excess.length > 0)
      report(`allows refused commands (${excess.join(", ")}). Remove ${shimVariables.allowGroups}.`);
  }),
};

/** What was accepted must be published before the task is killed. */
export const ecsStopTimeout: ResourceValidationPolicy = {
  name: "ecs-stop-timeout",
  description:
    "Prevents deployments from losing writes that were answered OK: ECS kills a shim that is still draining.",
  severity: "high",
  remediationSteps: `Set stopTimeout above ${shimVariables.drainTimeoutMs}; Fargate takes up to 120 seconds.`,
  validateResource: judgingContainers(({ environment = [], stopTimeout = 30 }, report) => {
    const drain = environment.find(({ name }) => name === shimVariables.drainTimeoutMs);
    if (drain && stopTimeout * 1000 <= Number(drain.value)) {
      report(`is killed after ${stopTimeout} s, but drains for ${drain.value} ms. Raise stopTimeout.`);
    }
  }),
};

/** A container without logs fails without a reason. */
export const ecsLogs: ResourceValidationPolicy = {
  name: "ecs-logs",
  description: "Prevents a task from dying, again and again, without anybody being able to read why.",
  severity: "medium",
  remediationSteps: "Give the container a logConfiguration.",
  validateResource: judgingContainers(({ logConfiguration }, report) => {
    if (!logConfiguration) report("keeps no logs. Give it a logConfiguration.");
  }),
};

/** A task with a public address is a server on the internet. */
export const ecsNoPublicAddress: ResourceValidationPolicy = {
  name: "ecs-no-public-address",
  description: "Prevents tasks from being reached from the internet past every load balancer.",
  severity: "critical",
  remediationSteps: "Set networkConfiguration.assignPublicIp to false, and use VPC endpoints or NAT to reach AWS.",
  ...demanding<{ networkConfiguration?: { assignPublicIp?: boolean } }>([Service], (service, { name }, report) => {
    if (!service.networkConfiguration?.assignPublicIp) return undefined;
    report(`${name} gives its tasks public addresses. Set networkConfiguration.assignPublicIp to false.`);
    service.networkConfiguration.assignPublicIp = false;
    return service;
  }),
};

/** A deployment that cannot succeed must end. */
export const ecsCircuitBreaker: ResourceValidationPolicy = {
  name: "ecs-circuit-breaker",
  description: "Prevents a broken image from being started for hours while no task of the new version ever serves.",
  severity: "medium",
  remediationSteps: "Set deploymentCircuitBreaker to { enable: true, rollback: true }.",
  ...demanding<{ deploymentCircuitBreaker?: { enable: boolean; rollback: boolean } }>(
    [Service],
    (service, { name }, report) => {
      const { enable, rollback } = service.deploymentCircuitBreaker ?? {};
      if (enable && rollback) return undefined;
      report(`${name} does not roll a failed deployment back. Set deploymentCircuitBreaker.`);
      service.deploymentCircuitBreaker = { enable: true, rollback: true };
      return service;
    },
  ),
};

/** One task, or one zone, is one failure away from none. */
export const ecsZones: ResourceValidationPolicy = {
  name: "ecs-zones",
  description: "Prevents the loss of a task or a zone from cutting a region's applications off from their cache.",
  severity: "high",
  remediationSteps: "Run two tasks or more, in subnets of two zones or more.",
  configSchema: productionSchema,
  validateResource: validateResourceOfType(
    Service,
    ({ desiredCount = 0, networkConfiguration, schedulingStrategy }, args, report) => {
      if (!isProduction(args) || schedulingStrategy === "DAEMON") return;
      if (desiredCount < 2) report(`${args.name} has ${desiredCount} tasks. Run two or more.`);
      if (networkConfiguration && networkConfiguration.subnets.length < 2) {
        report(`${args.name} has one subnet. Give it subnets in two zones or more.`);
      }
    },
  ),
};
