// What policy documents of IAM, SQS and SNS allow. Statements that deny open nothing, so rules never see them.
import type { ReportViolation, ResourceValidationArgs } from "@pulumi/policy";
import { judgeEach, parsed } from "./judgement";

/** One value or several, as policy documents have it. */
type OneOrMore = string | readonly string[];

/** A statement that allows. */
export interface Grant {
  readonly Principal?: string | Readonly<Record<string, OneOrMore>>;
  readonly NotPrincipal?: unknown;
  readonly Action?: OneOrMore;
  readonly NotAction?: OneOrMore;
  readonly Resource?: OneOrMore;
  readonly NotResource?: OneOrMore;
  /** By operator, then by key. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>;
}

interface Document {
  readonly Statement?: (Grant & { readonly Effect?: string }) | readonly (Grant & { readonly Effect?: string })[];
}

/** The statements of a document that allow. */
export function grantsOf(document: unknown): readonly Grant[] {
  const { Statement = [] } = ((typeof document === "string" ? parsed(document) : document) ?? {}) as Document;
  return [Statement].flat().filter(({ Effect }) => Effect === "Allow");
}

/** One value or several or none, as a list. */
export function listOf(values: OneOrMore | undefined): readonly string[] {
  return values === undefined ? [] : [values].flat();
}

/** The topics, queues or other sources that a grant is for; empty where it is for any. */
export function sourcesOf(grant: Grant): readonly string[] {
  return demandsOf(grant).flatMap(([key, values]) => (key === "aws:sourcearn" ? listOf(values) : []));
}

/** Reports what a resource's policy allows to others than those it names. */
export function refuseStrangers(
  { policy }: { readonly policy?: unknown },
  { name }: ResourceValidationArgs,
  report: ReportViolation,
): void {
  judgeEach(grantsOf(policy), (grant) => {
    const strangers = strangersIn(grant);
    if (strangers) report(`${name} allows ${listOf(grant.Action).join(", ")} to ${strangers}. Say exactly to whom.`);
  });
}

/** Whether anybody at all may use a grant. */
export function isForEverybody(grant: Grant): boolean {
  if (saysForWhom(grant)) return false;
  return grant.NotPrincipal !== undefined || principalsOf(grant).includes("*");
}

/** Who may use a grant beside parties that it names; undefined where nobody. */
function strangersIn(grant: Grant): string | undefined {
  const wild = sourcesOf(grant).find((source) => /[*?]/.test(source));
  if (wild) return `whatever matches ${wild}`;
  if (isForEverybody(grant)) return "everybody";
  if (saysForWhom(grant)) return undefined;
  // A service acts for whoever asks it to, unless a condition says for whom.
  const service = principalsOf(grant).find((principal) => principal.endsWith(".amazonaws.com"));
  return service && `${service} on anybody's behalf`;
}

function saysForWhom(grant: Grant): boolean {
  return demandsOf(grant).some(([key, values]) => identifyingKeys.has(key) && !listOf(values).includes("*"));
}

function principalsOf({ Principal }: Grant): readonly string[] {
  return typeof Principal === "object" ? Object.values(Principal).flatMap(listOf) : listOf(Principal);
}

const identifyingKeys: ReadonlySet<string> = new Set([
  "aws:sourcearn",
  "aws:sourceaccount",
  "aws:sourceowner",
  "aws:sourceorgid",
  "aws:principalarn",
  "aws:principalaccount",
  "aws:principalorgid",
]);

/** What a grant's conditions demand of a request, by key in lower case; AWS compares keys without case. */
function demandsOf({ Condition = {} }: Grant): readonly (readonly [key: string, values: OneOrMore])[] {
  return Object.entries(Condition)
    .filter(([operator]) => !/Not|IfExists|Null/.test(operator))
    .flatMap(([, keys]) => Object.entries(keys).map(([key, values]) => [key.toLowerCase(), values] as const));
}
