// Secrets that all regions share: clients' passwords, so that one URL works everywhere, and the keys that seal what
// travels between regions. Each has an id; another id is another secret.
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type CacheOptions, mainUser } from "./cacheOptions";

export interface CacheCredentialsArgs {
  readonly options: Pick<CacheOptions, "clientPasswordIds" | "envelopeKeyIds" | "users">;
}

/** Generated secrets; Pulumi keeps them encrypted in the stack's state. */
export class CacheCredentials extends pulumi.ComponentResource {
  /** What clients are given, by user: 32 letters and digits, which a URL carries unescaped. */
  readonly clientPasswords: Readonly<Record<string, pulumi.Output<string>>>;
  /** All that shims take of the main user, comma-separated. */
  readonly mainUserPasswords: pulumi.Output<string>;
  /** The other users as shims take them, in JSON; undefined where there are none. */
  readonly users: pulumi.Output<string> | undefined;
  /** As shims take them: `id:key`, comma-separated, the sealing one first. */
  readonly envelopeKeys: pulumi.Output<string>;

  constructor(name: string, { options }: CacheCredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:CacheCredentials", name, {}, opts);
    const parent = { parent: this };

    const generate = (role: string, ids: readonly number[]) =>
      ids.map(
        (id) => new random.RandomPassword(`${name}-${role}-${id}`, { length: 32, special: false }, parent).result,
      );
    const mainPasswords = generate("client-password", options.clientPasswordIds);
    const users = options.users.map(({ passwordIds, ...rights }) => ({
      ...rights,
      passwords: generate(`client-password-of-${rights.name}`, passwordIds),
    }));
    this.mainUserPasswords = pulumi.all(mainPasswords).apply((parts) => parts.join(","));
    this.users = users.length > 0 ? pulumi.jsonStringify(users) : undefined;
    this.clientPasswords = Object.fromEntries(
      [{ name: mainUser, passwords: mainPasswords }, ...users].map((user) => [
        user.name,
        pulumi.interpolate`${user.passwords[0]}`,
      ]),
    );
    const keys = options.envelopeKeyIds.map((id) => {
      const { base64 } = new random.RandomBytes(`${name}-envelope-key-${id}`, { length: 32 }, parent);
      return pulumi.interpolate`${id}:${base64}`;
    });
    this.envelopeKeys = pulumi.all(keys).apply((parts) => parts.join(","));

    this.registerOutputs({});
  }
}
