// Cases of the rules for tasks and services.
import { type Input, json, unknown } from "../../support/policies/sample";
import type { Cases } from "./cases";
import { container, service, taskDefinition } from "./goodStack";

const task = (changes: Record<string, Input> = {}) =>
  taskDefinition({ containerDefinitions: json([container, { ...container, name: "other", ...changes }]) });
const withVariable = (name: string, value: string, changes: Record<string, Input> = {}) =>
  task({ environment: [{ name, value }], ...changes });
const fault = (text: string) => `task: container other ${text}`;

const unknownTask = taskDefinition({ containerDefinitions: unknown });
const lambda = { type: "aws:lambda/function:Function", name: "function", inputs: { environment: {} } };
const inPlainText = (name: string) =>
  fault(`has a secret in plain text (${name}). Move it from environment to secrets.`);
const tagged = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shim:latest";
const publicly = { subnets: ["subnet-a", "subnet-b"], assignPublicIp: true };
const noRollback = "shims does not roll a failed deployment back. Set deploymentCircuitBreaker.";

export const ecsCases: Readonly<Record<string, Cases>> = {
  "ecs-image-by-digest": {
    right: [task()],
    wrong: [[fault(`runs ${tagged}, which a tag may move. Name it by its digest.`), task({ image: tagged })]],
    absent: [fault("runs shim, which a tag may move. Name it by its digest."), task({ image: "shim" })],
    notApplicable: { ...lambda, inputs: { imageUri: tagged } },
    unknown: unknownTask,
  },
  "ecs-read-only-root": {
    right: [task()],
    wrong: [
      [
        fault("may write to its own image. Set readonlyRootFilesystem to true."),
        task({ readonlyRootFilesystem: false }),
      ],
    ],
    absent: [
      fault("may write to its own image. Set readonlyRootFilesystem to true."),
      task({ readonlyRootFilesystem: undefined }),
    ],
    notApplicable: lambda,
    unknown: unknownTask,
  },
  "ecs-no-privileges": {
    right: [task({ privileged: false })],
    wrong: [[fault("is privileged. Remove privileged."), task({ privileged: true })]],
    absent: task(),
    notApplicable: { ...lambda, inputs: { privileged: true } },
    unknown: unknownTask,
  },
  "ecs-no-plain-secrets": {
    configured: [
      [{ pattern: "^PIN$" }, withVariable("DB_PASSWORD", "hunter2")],
      [{ pattern: "^PIN$" }, [inPlainText("pin"), withVariable("pin", "1234")]],
    ],
    right: [
      task(),
      withVariable("DB_SECRET", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db"),
      withVariable("DB_PASSWORD", ""),
      withVariable("HOMEPAGE", "https://example.com/a:b@c"),
    ],
    wrong: [
      [inPlainText("DB_PASSWORD"), withVariable("DB_PASSWORD", "hunter2")],
      [inPlainText("apiKey"), withVariable("apiKey", "abc")],
      [inPlainText("FLY_REDIS_ENVELOPE_KEYS"), withVariable("FLY_REDIS_ENVELOPE_KEYS", "1:AAAA")],
      [inPlainText("FLY_REDIS_CACHE_URL"), withVariable("FLY_REDIS_CACHE_URL", "redis://cache:6379")],
      [inPlainText("DATABASE"), withVariable("DATABASE", "postgres://app:hunter2@db:5432/app")],
    ],
    absent: task({ environment: undefined }),
    notApplicable: task({ secrets: [{ name: "DB_PASSWORD", valueFrom: "hunter2" }] }),
    unknown: unknownTask,
  },
  "ecs-refusals-kept": {
    configured: [[{ groups: ["geo"] }, withVariable("FLY_REDIS_ALLOW_GROUPS", "geo")]],
    right: [task(), withVariable("FLY_REDIS_ALLOW_GROUPS", "")],
    wrong: [
      [
        fault("allows refused commands (scripting, geo). Remove FLY_REDIS_ALLOW_GROUPS."),
        withVariable("FLY_REDIS_ALLOW_GROUPS", "scripting, geo"),
      ],
    ],
    absent: task({ environment: undefined }),
    notApplicable: withVariable("ALLOW_GROUPS", "scripting"),
    unknown: unknownTask,
  },
  "ecs-stop-timeout": {
    right: [withVariable("FLY_REDIS_DRAIN_TIMEOUT_MS", "30000", { stopTimeout: 60 })],
    wrong: [
      [
        fault("is killed after 60 s, but drains for 60000 ms. Raise stopTimeout."),
        withVariable("FLY_REDIS_DRAIN_TIMEOUT_MS", "60000", { stopTimeout: 60 }),
      ],
    ],
    absent: [
      fault("is killed after 30 s, but drains for 45000 ms. Raise stopTimeout."),
      withVariable("FLY_REDIS_DRAIN_TIMEOUT_MS", "45000"),
    ],
    notApplicable: task({ stopTimeout: 2 }),
    unknown: unknownTask,
  },
  "ecs-logs": {
    right: [task()],
    wrong: [[fault("keeps no logs. Give it a logConfiguration."), task({ logConfiguration: undefined })]],
    absent: [fault("keeps no logs. Give it a logConfiguration."), task({ logConfiguration: undefined })],
    notApplicable: lambda,
    unknown: unknownTask,
  },
  "ecs-no-public-address": {
    right: [service()],
    wrong: [
      [
        "shims gives its tasks public addresses. Set networkConfiguration.assignPublicIp to false.",
        service({ networkConfiguration: publicly }),
      ],
    ],
    absent: service({ networkConfiguration: undefined }),
    notApplicable: { ...lambda, inputs: { networkConfiguration: publicly } },
    unknown: service({ networkConfiguration: { ...publicly, assignPublicIp: unknown } }),
  },
  "ecs-circuit-breaker": {
    right: [service()],
    wrong: [
      [noRollback, service({ deploymentCircuitBreaker: { enable: false, rollback: false } })],
      [noRollback, service({ deploymentCircuitBreaker: { enable: true, rollback: false } })],
    ],
    absent: [noRollback, service({ deploymentCircuitBreaker: undefined })],
    notApplicable: lambda,
    unknown: service({ deploymentCircuitBreaker: unknown }),
  },
  "ecs-zones": {
    configured: [
      [{ production: "^live$" }, service({ desiredCount: 1 })],
      [
        { production: "^live$" },
        ["shims has 1 tasks. Run two or more.", { ...service({ desiredCount: 1 }), stack: "live" }],
      ],
    ],
    right: [service()],
    wrong: [
      ["shims has 1 tasks. Run two or more.", service({ desiredCount: 1 })],
      [
        "shims has one subnet. Give it subnets in two zones or more.",
        service({ networkConfiguration: { subnets: ["subnet-a"] } }),
      ],
    ],
    absent: ["shims has 0 tasks. Run two or more.", service({ desiredCount: undefined })],
    notApplicable: { ...service({ desiredCount: 1 }), stack: "dev" },
    unknown: service({ desiredCount: unknown }),
  },
};
