// Resources for rules to judge, as a program writes them: some properties come from other resources. What is known of
// those depends on when one looks: a preview knows only where they come from, an update knows what they are.
import { unknownValue } from "@pulumi/pulumi/runtime/rpc";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import type { Properties, Registered } from "./packServer";

const outputs = ["arn", "arnSuffix", "id", "name", "url"] as const;

/** An output of another resource. */
class Reference {
  constructor(
    readonly to: string,
    readonly output: (typeof outputs)[number],
  ) {}
}

/** A text in JSON. */
class Json {
  constructor(readonly value: Input) {}
}

/** What a program gives for a property. */
export type Input =
  | string
  | number
  | boolean
  | undefined
  | Reference
  | Json
  | readonly Input[]
  | { readonly [key: string]: Input };

/** A resource as a program writes it. */
export interface Sample extends Omit<Registered, "properties" | "dependencies"> {
  readonly inputs: Readonly<Record<string, Input>>;
}

/** Makes samples of a type which are good but for what is changed; what is changed to undefined is left out. */
export function samplesOf<Inputs extends Record<string, Input>>(type: string, name: string, good: Inputs) {
  return (changes: Record<string, Input> = {}, own = name): Sample => ({
    type,
    name: own,
    inputs: { ...good, ...changes },
  });
}

/** An output of another resource. */
export function output({ name }: Sample, of: Reference["output"] = "arn"): Input {
  return new Reference(name, of);
}

/** A text in JSON; in previews it is as unknown as the least known thing in it. */
export function json(value: Input): Input {
  return new Json(value);
}

/** What a preview does not know, whatever it comes from. */
export const unknown = unknownValue;

/** An output of a resource that the rules do not look at. */
export const elsewhere: Input = new Reference("elsewhere", "id");

/** A resource as an update knows it: every output is told by the resource's name. */
export function known(sample: Sample): Registered {
  const { inputs, ...rest } = sample;
  const values = Object.fromEntries(outputs.map((name) => [name, `${sample.name}-${name}`]));
  return { ...rest, properties: { ...values, ...resolved(inputs, false) } };
}

// What AWS decides on where a program does not, and previews therefore do not know.
const computed = [
  "launchType",
  "numCacheClusters",
  "numNodeGroups",
  "policy",
  "redrivePolicy",
  "replicasPerNodeGroup",
  "routes",
];

/** A resource as a preview knows it: no output, and no input that comes from one. */
export function previewed(sample: Sample): Registered {
  const { inputs, ...rest } = sample;
  const sources = Object.entries(inputs).map(([name, value]) => [name, sourcesOf(value)] as const);
  const dependencies = Object.fromEntries(sources.filter(([, names]) => names.length > 0));
  const unknowns = Object.fromEntries([...outputs, ...computed].map((name) => [name, unknown]));
  return { ...rest, dependencies, properties: { ...unknowns, ...resolved(inputs, true) } };
}

function resolved(inputs: Readonly<Record<string, Input>>, inPreview: boolean): Properties {
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, resolve(value, inPreview)]));
}

function resolve(value: Input, inPreview: boolean): JavaScriptValue {
  if (value instanceof Reference) return inPreview ? unknown : `${value.to}-${value.output}`;
  if (value instanceof Json) {
    return inPreview && sourcesOf(value).length > 0 ? unknown : JSON.stringify(resolve(value.value, false));
  }
  if (Array.isArray(value)) return value.map((item: Input) => resolve(item, inPreview));
  if (typeof value === "object") return resolved(value as Record<string, Input>, inPreview);
  return value ?? null;
}

/** Names of the resources that a value comes from. */
function sourcesOf(value: Input): readonly string[] {
  if (value instanceof Reference) return [value.to];
  if (value instanceof Json) return sourcesOf(value.value);
  return typeof value === "object" ? Object.values(value).flatMap(sourcesOf) : [];
}
