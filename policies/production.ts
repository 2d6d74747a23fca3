// Which stacks are for production, where rules ask for more than elsewhere.
import type { PolicyConfigSchema, ResourceValidationArgs } from "@pulumi/policy";

/** The option of rules that judge stacks for production only. */
export const productionSchema: PolicyConfigSchema = {
  properties: {
    production: {
      type: "string",
      description: "Regular expression of the names of stacks for production.",
      default: "^prod",
    },
  },
};

/** Whether a resource belongs to a stack for production. */
export function isProduction({ urn, getConfig }: ResourceValidationArgs): boolean {
  // urn:pulumi:<stack>::<project>::<type>::<name>
  const [, , stack = ""] = urn.split(":");
  return new RegExp(getConfig<{ production: string }>().production).test(stack);
}
