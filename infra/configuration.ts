// The program's configuration: a stack file's values under the project's namespace. What they mean and what is wrong with
// them, cacheOptions.ts tells.
import { type CacheOptions, resolveOptions } from "./cacheOptions";

/**
 * Reads and validates the stack's configuration.
 *
 * @param config every value that `pulumi config` holds, as `namespace:name`; whatever is no text is JSON
 * @throws RunError listing every fault, by the name that `pulumi config set` takes
 */
export function readConfiguration(config: Readonly<Record<string, string>>, namespace: string): CacheOptions {
  const ours = Object.entries(config).filter(([key]) => key.startsWith(`${namespace}:`));
  return resolveOptions(Object.fromEntries(ours.map(([key, text]) => [key.slice(namespace.length + 1), parsed(text)])));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
