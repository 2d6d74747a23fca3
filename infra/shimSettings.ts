// Variables of the shim that are the operator's to set: all but those that the region's resources decide, other options
// stand for, or that are secret. They are judged here as the shim judges them, before anything is made.
import { z } from "zod";
import { type Variable, type VariableKey, variables } from "../shim/configurationVariables";
import { shimVariables } from "../shim/contract";

const decidedHere = [
  "region",
  "host",
  "port",
  "operationsHost",
  "operationsPort",
  "typedPort",
  "tlsCertificate",
  "tlsKey",
  "maxClients",
  "keepAliveMs",
  "user",
  "password",
  "users",
  "allowGroups",
  "outboxMode",
  "invalidate",
  "clusterUrl",
  "topicArn",
  "queueUrl",
  "deadLetterQueueUrl",
  "busEndpoint",
  "envelopeKeys",
  "drainTimeoutMs",
] as const satisfies readonly VariableKey[];

type ShimSetting = Exclude<VariableKey, (typeof decidedHere)[number]>;

/** Values of the shim's variables, by their keys there; those left out have the shim's defaults, or the service's. */
export type ShimSettings = Partial<Readonly<Record<ShimSetting, string | number>>>;

const settable = Object.entries(variables).filter(([key]) => !decidedHere.some((decided) => decided === key));

const fields = settable.map(([key, { schema }]: [string, Variable<unknown>]) => {
  const text = z.union([z.string(), z.number()], "must be a text or a number").transform(String);
  const judged = text.superRefine((value, context) => {
    for (const { message } of schema.safeParse(value).error?.issues ?? []) context.addIssue(message);
  });
  return [key, judged.exactOptional()] as const;
});

/** Judges {@link ShimSettings}, and makes texts of them. */
export const shimSettings = z.strictObject(
  Object.fromEntries(fields),
  `must have none but these names: ${settable.map(([key]) => key).join(", ")}`,
);

/** The environment variables for settings. */
export function environmentOf(settings: z.output<typeof shimSettings>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [shimVariables[key as ShimSetting], String(value)]),
  );
}
