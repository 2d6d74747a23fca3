// How the texts of variables become values: numbers, lists, addresses, keys, users. What cannot be one is a fault in words.
import { z } from "zod";
import type { ClusterAddress, EnvelopeKey, User } from "./configuration";
import { type SwitchableGroup, switchableGroups } from "./contract";

export const KIB = 1024;
export const MIB = 1024 * KIB;

export function wholeNumber(from: number, to: number): z.ZodType<number, string> {
  return z.string().transform((text, context) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= from && value <= to) return value;
    context.addIssue(`must be a whole number from ${from} to ${to}`);
    return z.NEVER;
  });
}

export function matching(pattern: RegExp, demand: string): z.ZodType<string, string> {
  return z.string().regex(pattern, demand);
}

export const url = z
  .string()
  .refine((text) => /^https?:$/.test(urlOf(text)?.protocol ?? ""), "must be an http or https URL");

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** What a part of a URL stands for; undefined where a % in it begins no escape. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export const clusterUrl = z.string().transform((text, context): ClusterAddress => {
  const parsed = urlOf(text);
  const user = decoded(parsed?.username ?? "");
  const password = decoded(parsed?.password ?? "");
  if (
    !parsed ||
    user === undefined ||
    password === undefined ||
    !["redis:", "rediss:"].includes(parsed.protocol) ||
    !parsed.hostname ||
    !/^\/?0?$/.test(parsed.pathname)
  ) {
    context.addIssue(
      "must look like redis://[user]:password@host:port, or rediss:// for TLS, without a database, percent-encoded",
    );
    return z.NEVER;
  }
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: Number(parsed.port || 6379),
    tls: parsed.protocol === "rediss:",
    user: user || undefined,
    password: password || undefined,
  };
});

export const envelopeKeys = z.string().transform((text, context): readonly [EnvelopeKey, ...EnvelopeKey[]] => {
  const keys = text.split(",").map((part): EnvelopeKey => {
    const [id, key] = part.split(":", 2);
    return { id: /^\d+$/.test(id ?? "") ? Number(id) : -1, key: Buffer.from(key ?? "", "base64") };
  });
  const [first, ...others] = keys;
  const wellFormed = keys.every(({ id, key }) => id >= 0 && id <= 255 && key.length === 32);
  if (!first || !wellFormed || new Set(keys.map(({ id }) => id)).size !== keys.length) {
    context.addIssue(
      "must be a comma-separated list of id:key with different ids from 0 to 255 and keys of 32 bytes in base64",
    );
    return z.NEVER;
  }
  return [first, ...others];
});

export const groups = z.string().transform((text, context): readonly SwitchableGroup[] => {
  const names = text.split(",").filter((name) => name !== "");
  const known = switchableGroups.filter((group) => names.includes(group));
  if (known.length === names.length) return known;
  context.addIssue(`must be a comma-separated list of different groups out of ${switchableGroups.join(", ")}`);
  return z.NEVER;
});

export const name = matching(
  /^[\w.~-]+$/,
  "must consist of letters, digits and . _ ~ -, which a URL carries unescaped",
);
const password = matching(
  /^[\w.~-]{16,}$/,
  "must be 16 or more of letters, digits and . _ ~ -, which a URL carries unescaped",
);

export const passwords = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(password));

export const users = z.string().transform((text, context): readonly User[] => {
  const parsed = usersInJson.safeParse(text);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(" "));
  context.addIssue(
    `must be a JSON list of {"name","passwords","write","database1","flushall","database1PerSecond"}: ${faults.join("; ")}`,
  );
  return z.NEVER;
});

const usersInJson = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      // The parser's message would show the text, which has passwords in it.
      context.addIssue("is not JSON");
      return z.NEVER;
    }
  })
  .pipe(
    z.array(
      z.strictObject({
        name,
        passwords: z.array(password).min(1),
        write: z.boolean().default(true),
        database1: z.boolean().default(true),
        flushall: z.boolean().default(true),
        database1PerSecond: z.int().positive().optional(),
      }),
    ),
  );

export const onOff = z
  .enum(["on", "off"], { error: "must be on or off" })
  .transform((text) => text === "on") as z.ZodType<boolean, string>;
