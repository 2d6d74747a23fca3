// What the tests of a rule are made of: resources that the whole pack is asked about.
import type { Properties } from "../../support/policies/packServer";
import type { Sample } from "../../support/policies/sample";

/** A resource, or a whole stack of them. */
export type Judged = Sample | readonly Sample[];

/** A fault and what the rule says of it. */
export type Fault = readonly [message: string, judged: Judged];

/** One rule's cases. */
export interface Cases {
  /** The rule's options in all of its cases. @default those of its schema */
  readonly options?: Properties;
  /** What other options make of a resource. */
  readonly configured?: readonly (readonly [options: Properties, Fault | Judged])[];
  /** What nobody could find fault with, in an update or in a preview. */
  readonly right: readonly Judged[];
  /** What this rule, and no other of the pack, finds fault with. */
  readonly wrong: readonly Fault[];
  /** Where the thing judged is left out: a fault, or none where AWS's default is right. */
  readonly absent: Fault | Judged;
  /** What looks wrong and is none of the rule's business. */
  readonly notApplicable: Judged;
  /** What nobody can judge yet. */
  readonly unknown: Judged;
  /** Rules of whole stacks that previews cannot judge, because the text that they read is unknown until the update. */
  readonly isUndecidedInPreviews?: boolean;
}
