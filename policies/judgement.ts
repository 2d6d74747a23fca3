// How rules judge what a preview does not know yet. Reading an unknown value throws, and Pulumi then says that the rule
// could not run; so each thing is judged by itself, lest one unknown hides the faults of everything after it.
import type { ReportViolation, ResourceValidation, ResourceValidationArgs } from "@pulumi/policy";

/** A class of resources. */
export type ResourceClass = Parameters<ResourceValidationArgs["isType"]>[0];

/**
 * What a rule asks of a resource's inputs: reports each fault, and returns the inputs put right where there was any.
 * Pulumi takes those where the rule's enforcement level is `remediate`.
 */
export type Demand<Inputs> = (
  inputs: Inputs,
  args: ResourceValidationArgs,
  report: ReportViolation,
) => Inputs | undefined;

/** Makes demands on resources of several classes, each by itself; what one puts right the next one finds. */
export function demanding<Inputs extends object>(
  classes: readonly ResourceClass[],
  ...demands: readonly Demand<Inputs>[]
): {
  readonly validateResource: ResourceValidation[];
  readonly remediateResource: (args: ResourceValidationArgs) => Inputs | undefined;
} {
  const inputsOf = (args: ResourceValidationArgs): Inputs =>
    classes.some((each) => args.isType(each)) ? (args.props as Inputs) : args.notApplicable();
  return {
    validateResource: demands.map((demand) => (args, report) => {
      demand(inputsOf(args), args, report);
    }),
    remediateResource: (args) => {
      const inputs = inputsOf(args);
      return demands.filter((demand) => demand(inputs, args, () => {})).length > 0 ? inputs : undefined;
    },
  };
}

/**
 * Judges every item, also after one that is not known yet.
 *
 * @throws what the first such item threw, when all have been judged.
 */
export function judgeEach<Item>(items: Iterable<Item>, judge: (item: Item) => void): void {
  const thrown: unknown[] = [];
  for (const item of items) {
    try {
      judge(item);
    } catch (error) {
      thrown.push(error);
    }
  }
  if (thrown.length > 0) throw thrown[0];
}

/**
 * Whether something holds for an item, be others unknown.
 *
 * @throws what the first unknown item threw, where it holds for no known one.
 */
export function holdsForAny<Item>(items: readonly Item[], holds: (item: Item) => boolean): boolean {
  const found: Item[] = [];
  try {
    judgeEach(items, (item) => {
      if (holds(item)) found.push(item);
    });
  } catch (error) {
    if (found.length === 0) throw error;
  }
  return found.length > 0;
}

/** What a text in JSON says; undefined for one that is not JSON, which AWS refuses anyway. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
