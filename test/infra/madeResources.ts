// What a cache makes, by Pulumi's mocks: how many of what, and with which inputs.
import * as pulumi from "@pulumi/pulumi";
import { disconnect } from "@pulumi/pulumi/runtime/settings";
import type { GlobalCacheArgs } from "../../infra/cacheOptions";
import { GlobalCache } from "../../infra/globalCache";

interface Made {
  readonly name: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: inputs are whatever the resource takes.
  readonly inputs: any;
}

/** A cache, and the resources that were made for it. */
export class MadeResources {
  private constructor(
    readonly cache: GlobalCache,
    private readonly made: readonly Made[],
  ) {}

  /** Makes the cache with these arguments; the same is not made twice, since each takes a second. */
  static of(args: Partial<GlobalCacheArgs> = {}): Promise<MadeResources> {
    const key = JSON.stringify(args);
    const found = MadeResources.known.get(key) ?? MadeResources.make(args);
    MadeResources.known.set(key, found);
    return found;
  }

  private static readonly known = new Map<string, Promise<MadeResources>>();

  private static async make(args: Partial<GlobalCacheArgs>): Promise<MadeResources> {
    const made: Made[] = [];
    await pulumi.runtime.setMocks({
      newResource: ({ name, type, inputs }) => {
        made.push({ name, type, inputs });
        const outputs = Object.fromEntries(producedOutputs.map((output) => [output, `${name}-${output}`]));
        return { id: `${name}-id`, state: { ...outputs, name, ...inputs } };
      },
      call: ({ inputs }) => ({ names: ["a", "c", "d"].map((zone) => `${inputs.region}${zone}`) }),
    });
    const cache = new GlobalCache("fly", { regions: ["us-east-1"], ...args });
    await disconnect();
    return new MadeResources(cache, made);
  }

  /** AWS's resources. */
  get aws(): readonly Made[] {
    return this.made.filter(({ type }) => type.startsWith("aws:"));
  }

  /** The inputs of the resource of this name that is no component; secrets unwrapped. */
  inputsOf(name: string): Made["inputs"] {
    const { inputs } = this.made.find((one) => one.name === name && !one.type.startsWith("redis-on-fly:"))!;
    return unwrapped(inputs);
  }

  /** How many resources there are of each type of AWS's, by the type's last word. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { type } of this.aws) {
      const word = type.split(":").at(-1)!;
      counts[word] = (counts[word] ?? 0) + 1;
    }
    return counts;
  }

  /** Names of the resources of a type. */
  namesOf(word: string): string[] {
    return this.aws.filter(({ type }) => type.endsWith(`:${word}`)).map(({ name }) => name);
  }
}

const producedOutputs = [
  "arn",
  "arnSuffix",
  "base64",
  "dnsName",
  "hex",
  "prefixListId",
  "primaryEndpointAddress",
  "repoDigest",
  "repositoryUrl",
  "result",
  "url",
  "versionId",
  "zoneId",
];

function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(unwrapped);
  if ("4dabf18193072939515e22adb298388d" in value && "value" in value) return unwrapped(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrapped(part)]));
}
