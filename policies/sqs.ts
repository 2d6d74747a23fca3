// Rules for SQS: queues keep what they have, lose nothing silently, and take messages from known topics only.
import * as aws from "@pulumi/aws";
import {
  type ReportViolation,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { type Demand, demanding, holdsForAny, judgeEach, parsed } from "./judgement";
import { grantsOf, refuseStrangers, sourcesOf } from "./policyDocument";
import { given, isDeadLetterQueue, isGiven, ofType, refersTo } from "./references";

const { Queue, QueuePolicy, RedrivePolicy } = aws.sqs;

interface Encryption {
  sqsManagedSseEnabled?: boolean;
  kmsMasterKeyId?: string;
}

const encryption: Demand<Encryption> = (queue, { name }, report) => {
  const { kmsMasterKeyId, sqsManagedSseEnabled = true } = queue;
  const isManagedKey = kmsMasterKeyId?.endsWith("alias/aws/sqs") ?? false;
  if (!isManagedKey && (kmsMasterKeyId || sqsManagedSseEnabled)) return undefined;
  report(`${name} is ${isManagedKey ? `encrypted with ${kmsMasterKeyId}` : "not encrypted"}. Use SSE-SQS.`);
  delete queue.kmsMasterKeyId;
  queue.sqsManagedSseEnabled = true;
  return queue;
};

/** AWS's own key for SQS is worse than none: its policy cannot be changed, and so SNS can never use it. */
export const sqsEncrypted: ResourceValidationPolicy = {
  name: "sqs-encrypted",
  description:
    "Prevents messages from lying in plain text, and a queue under AWS's own key for SQS from staying empty: SNS may not " +
    "use that key, and drops every message without a word.",
  severity: "high",
  remediationSteps: "Set sqsManagedSseEnabled to true, or kmsMasterKeyId to a key of yours that SNS may use.",
  ...demanding([Queue], encryption),
};

/** How long a region may be down and still catch up. */
export const sqsRetention: ResourceValidationPolicy = {
  name: "sqs-retention",
  description:
    "Prevents purges from expiring while a region is down: it would serve, for as long as its keys live, what all " +
    "others had purged. SQS forgets after four days by default.",
  severity: "high",
  remediationSteps: "Set messageRetentionSeconds to 1209600, which is 14 days and the most that SQS takes.",
  configSchema: {
    properties: {
      seconds: {
        type: "integer",
        minimum: 60,
        maximum: 1_209_600,
        description: "Least time in seconds that a queue must keep messages.",
        default: 1_209_600,
      },
    },
  },
  ...demanding<{ messageRetentionSeconds?: number }>([Queue], (queue, { name, getConfig }, report) => {
    const { seconds } = getConfig<{ seconds: number }>();
    const { messageRetentionSeconds = 345_600 } = queue;
    if (messageRetentionSeconds >= seconds) return undefined;
    report(`${name} keeps messages for ${messageRetentionSeconds} s. Set messageRetentionSeconds to ${seconds}.`);
    queue.messageRetentionSeconds = seconds;
    return queue;
  }),
};

/** SQS counts receives, not faults. */
export const sqsReceiveCount: ResourceValidationPolicy = {
  name: "sqs-receive-count",
  description:
    "Prevents a restart of the consumers from sending good messages to the dead-letter queue: each time one is received " +
    "and not deleted counts, whatever the reason.",
  severity: "medium",
  remediationSteps: "Raise maxReceiveCount in the redrive policy; 1000 is the most that SQS takes.",
  configSchema: {
    properties: {
      count: { type: "integer", minimum: 1, description: "Least allowed maxReceiveCount.", default: 100 },
    },
  },
  validateResource: [
    validateResourceOfType(Queue, allowReceiveCount),
    validateResourceOfType(RedrivePolicy, allowReceiveCount),
  ],
};

function allowReceiveCount(
  { redrivePolicy = "" }: { readonly redrivePolicy?: string | undefined },
  { name, getConfig }: ResourceValidationArgs,
  report: ReportViolation,
): void {
  const { maxReceiveCount } = (parsed(redrivePolicy) ?? {}) as { readonly maxReceiveCount?: number | string };
  const { count } = getConfig<{ count: number }>();
  if (maxReceiveCount !== undefined && Number(maxReceiveCount) < count) {
    report(`${name} gives up on a message after ${maxReceiveCount} receives. Allow ${count} or more.`);
  }
}

/** Who may write into a queue, writes into the cache of its region. */
export const sqsNoOpenPolicy: ResourceValidationPolicy = {
  name: "sqs-no-open-policy",
  description: "Prevents strangers from putting messages into a queue, or from reading what is in it.",
  severity: "critical",
  remediationSteps: "Name the topics in a condition on aws:SourceArn, in full, and the principals without a wildcard.",
  validateResource: [
    validateResourceOfType(QueuePolicy, refuseStrangers),
    validateResourceOfType(Queue, refuseStrangers),
  ],
};

/** Topics that a queue admits and that nobody here knows are leftovers, or worse. */
export const sqsNoStrangers: StackValidationPolicy = {
  name: "sqs-no-strangers",
  description:
    "Prevents a topic that is no part of the stack, such as a removed region's or a stranger's, from writing into its " +
    "queues.",
  severity: "high",
  remediationSteps: "Remove the topic from the queue's policy, or trust it in the pack's configuration.",
  configSchema: {
    properties: {
      trusted: {
        type: "array",
        items: { type: "string" },
        description: "ARNs of topics outside the stack that may send to its queues.",
        default: [],
      },
    },
  },
  validateStack: ({ resources, getConfig }, report) => {
    const { trusted } = getConfig<{ trusted: readonly string[] }>();
    const topics = ofType(resources, aws.sns.Topic);
    judgeEach(ofType(resources, Queue, QueuePolicy), (resource) => {
      const { name, urn } = resource;
      const senders = grantsOf(given(resource, "policy")).flatMap(sourcesOf);
      judgeEach(senders, (sender) => {
        if (trusted.includes(sender) || holdsForAny(topics, (topic) => topic.props.arn === sender)) return;
        report(`${name} admits ${sender}, which is not of this stack. Remove it.`, urn);
      });
    });
  },
};

/** What cannot be delivered or applied must go somewhere. */
export const sqsDeadLetters: StackValidationPolicy = {
  name: "sqs-dead-letters",
  description:
    "Prevents a message that no consumer can apply from being received for 14 days and then vanishing without a trace.",
  severity: "high",
  remediationSteps: "Give the queue a redrive policy with a dead-letter queue.",
  validateStack: ({ resources }, report) => {
    judgeEach(ofType(resources, Queue), (queue) => {
      const redrives = ofType(resources, RedrivePolicy);
      if (isGiven(queue, "redrivePolicy") || isDeadLetterQueue(queue, resources)) return;
      if (holdsForAny(redrives, (redrive) => refersTo(redrive, "queueUrl", queue))) return;
      report(`${queue.name} has no dead-letter queue. Give it a redrive policy.`, queue.urn);
    });
  },
};
