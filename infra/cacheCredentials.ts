// Secrets that all regions share: the client password, so that one URL works everywhere, and the keys that seal what
// travels between regions. Each has an id; another id is another secret.
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { CacheOptions } from "./cacheOptions";

export interface CacheCredentialsArgs {
  readonly options: Pick<CacheOptions, "clientPasswordIds" | "envelopeKeyIds">;
}

/** Generated secrets; Pulumi keeps them encrypted in the stack's state. */
export class CacheCredentials extends pulumi.ComponentResource {
  /** The one that clients are given: 32 letters and digits, which a URL carries unescaped. */
  readonly clientPassword: pulumi.Output<string>;
  /** All that shims take, comma-separated. */
  readonly clientPasswords: pulumi.Output<string>;
  /** As shims take them: `id:key`, comma-separated, the sealing one first. */
  readonly envelopeKeys: pulumi.Output<string>;

  constructor(name: string, { options }: CacheCredentialsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:CacheCredentials", name, {}, opts);
    const parent = { parent: this };

    const passwords = options.clientPasswordIds.map(
      (id) => new random.RandomPassword(`${name}-client-password-${id}`, { length: 32, special: false }, parent).result,
    );
    this.clientPassword = pulumi.interpolate`${passwords[0]}`;
    this.clientPasswords = pulumi.all(passwords).apply((parts) => parts.join(","));
    const keys = options.envelopeKeyIds.map((id) => {
      const { base64 } = new random.RandomBytes(`${name}-envelope-key-${id}`, { length: 32 }, parent);
      return pulumi.interpolate`${id}:${base64}`;
    });
    this.envelopeKeys = pulumi.all(keys).apply((parts) => parts.join(","));

    this.registerOutputs({});
  }
}
