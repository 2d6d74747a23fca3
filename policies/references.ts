// What the resources of a stack have to do with each other. Rules of whole stacks go by what the program said, since a
// preview knows which resource an argument comes from long before it knows the resource's ARN.
import * as aws from "@pulumi/aws";
import type { PolicyResource } from "@pulumi/policy";
import { holdsForAny, type ResourceClass } from "./judgement";

/** The resources of one of these classes. */
export function ofType(resources: readonly PolicyResource[], ...classes: readonly ResourceClass[]): PolicyResource[] {
  return resources.filter((resource) => classes.some((each) => resource.isType(each)));
}

/**
 * A property of a resource; undefined where the program does not give it. Previews do not know what AWS makes of such a
 * one, but nothing in the program decides it either, and nobody has to wait for it.
 *
 * @throws where the program gives it, and a preview cannot know yet what.
 */
export function given<Value>({ props, propertyDependencies }: PolicyResource, property: string): Value | undefined {
  try {
    return props[property];
  } catch (error) {
    if (property in propertyDependencies) throw error;
    return undefined;
  }
}

/** Whether the program gives a property, be its value known or not. */
export function isGiven(resource: PolicyResource, property: string): boolean {
  return property in resource.propertyDependencies || Boolean(given(resource, property));
}

/**
 * Whether a property of a resource names another resource: comes from it, or has its ARN, URL, id or name as a value.
 *
 * @throws where a preview cannot know yet.
 */
export function refersTo(from: PolicyResource, property: string, to: PolicyResource): boolean {
  const sources = from.propertyDependencies[property] ?? [];
  if (sources.includes(to)) return true;
  if (sources.some(({ type }) => type === to.type)) return false;
  const words = wordsOf(given(from, property) ?? "");
  // With nothing written there, it does not matter what is not known yet of the other resource.
  if (words.size === 1) return false;
  return identifiers.some((identifier) => words.has(to.props[identifier]));
}

/** The region that a resource is in; undefined for one that is in none. */
export function regionOf({ props, provider }: Pick<PolicyResource, "props" | "provider">): string | undefined {
  return props.region ?? provider?.props.region;
}

/** Whether a queue takes what other queues, or topics, could not deliver. */
export function isDeadLetterQueue(queue: PolicyResource, resources: readonly PolicyResource[]): boolean {
  const senders = ofType(resources, aws.sqs.Queue, aws.sqs.RedrivePolicy, aws.sns.TopicSubscription);
  return holdsForAny(senders, (sender) => refersTo(sender, "redrivePolicy", queue));
}

// The name first: it is known where the program gives it, the others only when AWS has.
const identifiers = ["name", "id", "arn", "arnSuffix", "url"] as const;

/** Every text in a value. What stands between quotes counts, so that JSON within JSON needs no parsing. */
function wordsOf(value: unknown): ReadonlySet<unknown> {
  return new Set(JSON.stringify(value).split(/\\*"/));
}
