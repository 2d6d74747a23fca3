// What an error says, whatever was thrown.

/** Its message alone, which can be shown and passed on; its stack and cause stay behind. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
