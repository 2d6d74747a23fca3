// Rules for SNS: every topic of the bus reaches every queue, in a form that consumers read, and drops nothing silently.
import * as aws from "@pulumi/aws";
import {
  type PolicyResource,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  validateResourceOfType,
} from "@pulumi/policy";
import { demanding, holdsForAny, judgeEach } from "./judgement";
import { refuseStrangers } from "./policyDocument";
import { isDeadLetterQueue, ofType, refersTo, regionOf } from "./references";

const { Topic, TopicPolicy, TopicSubscription } = aws.sns;
const { Queue, QueuePolicy } = aws.sqs;

/** Who may publish, purges every region. */
export const snsNoOpenPolicy: ResourceValidationPolicy = {
  name: "sns-no-open-policy",
  description: "Prevents strangers from publishing to a topic, which feeds every region, and from listening to it.",
  severity: "critical",
  remediationSteps: "Name the principals without a wildcard, or the account in a condition on aws:SourceAccount.",
  validateResource: [
    validateResourceOfType(TopicPolicy, refuseStrangers),
    validateResourceOfType(Topic, refuseStrangers),
  ],
};

/** SNS gives up at once where it may not deliver. */
export const snsDeadLetters: ResourceValidationPolicy = {
  name: "sns-dead-letters",
  description:
    "Prevents purges from being lost without a trace: what a queue's policy or key does not let SNS deliver, it drops at " +
    "once and tells nobody.",
  severity: "high",
  remediationSteps: "Give the subscription a redrivePolicy with a dead-letter queue in the topic's region.",
  validateResource: validateResourceOfType(TopicSubscription, ({ protocol, redrivePolicy }, { name }, report) => {
    // For people and telephones SNS has no dead-letter queues.
    if (/^(email|email-json|sms|application)$/.test(protocol)) return;
    if (!redrivePolicy) report(`${name} drops what it cannot deliver. Give it a redrivePolicy.`);
  }),
};

/** SNS wraps messages in JSON unless told not to. */
export const snsRawDelivery: ResourceValidationPolicy = {
  name: "sns-raw-delivery",
  description:
    "Prevents a region's consumers from taking every message, wrapped in JSON, for one that cannot be opened.",
  severity: "medium",
  remediationSteps: "Set rawMessageDelivery to true.",
  ...demanding<{ protocol: string; rawMessageDelivery?: boolean }>(
    [TopicSubscription],
    (subscription, { name }, report) => {
      if (subscription.protocol !== "sqs" || subscription.rawMessageDelivery === true) return undefined;
      report(`${name} wraps messages in JSON. Set rawMessageDelivery to true.`);
      subscription.rawMessageDelivery = true;
      return subscription;
    },
  ),
};

/** A bus between regions is complete, or some region never hears of some other's purges. */
export const snsMesh: StackValidationPolicy = {
  name: "sns-mesh",
  description:
    "Prevents a region from never hearing what another one purged: a subscription was forgotten, or the queue's policy " +
    "does not admit the topic, and SNS drops what it may not deliver.",
  severity: "critical",
  remediationSteps: "Subscribe every queue of the bus to every topic, and name every topic in every queue's policy.",
  validateStack: ({ resources, notApplicable }, report) => {
    const bus = busOf(resources);
    const pairs = bus.topics.flatMap((topic) => bus.queues.map((queue) => ({ topic, queue })));
    // Within one region, topics may feed what they like.
    if (!holdsForAny(pairs, ({ topic, queue }) => regionOf(topic) !== regionOf(queue) && bus.feeds(topic, queue))) {
      notApplicable("No topic feeds a queue in another region.");
    }
    judgeEach(pairs, ({ topic, queue }) => {
      if (!bus.feeds(topic, queue)) {
        report(`${topic.name} does not reach ${queue.name}. Subscribe the queue to it.`, topic.urn);
      } else if (!bus.admits(queue, topic)) {
        report(
          `${queue.name} does not admit ${topic.name}, so SNS drops its messages. Name it in the policy.`,
          queue.urn,
        );
      }
    });
  },
};

/** The topics and queues of a stack that subscriptions or queue policies join, dead-letter queues aside. */
function busOf(resources: readonly PolicyResource[]) {
  const subscriptions = ofType(resources, TopicSubscription).filter(({ props }) => props.protocol === "sqs");
  const policies = ofType(resources, QueuePolicy);
  const feeds = (topic: PolicyResource, queue: PolicyResource): boolean =>
    holdsForAny(subscriptions, (one) => refersTo(one, "topic", topic) && refersTo(one, "endpoint", queue));
  const admits = (queue: PolicyResource, topic: PolicyResource): boolean =>
    refersTo(queue, "policy", topic) ||
    holdsForAny(policies, (one) => refersTo(one, "queueUrl", queue) && refersTo(one, "policy", topic));
  const joined = (topic: PolicyResource, queue: PolicyResource): boolean => feeds(topic, queue) || admits(queue, topic);

  const allTopics = ofType(resources, Topic);
  const allQueues = ofType(resources, Queue).filter((queue) => !isDeadLetterQueue(queue, resources));
  return {
    topics: allTopics.filter((topic) => holdsForAny(allQueues, (queue) => joined(topic, queue))),
    queues: allQueues.filter((queue) => holdsForAny(allTopics, (topic) => joined(topic, queue))),
    feeds,
    admits,
  };
}
