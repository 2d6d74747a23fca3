// A region's secrets in Secrets Manager: what shims are given at their start, and the URLs that applications connect to.
// All are generated, so that deleting them at once loses nothing.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type ApplicationEnvironment, applicationEnvironment } from "./applicationEnvironment";
import type { Region } from "./regions";

export interface RegionalSecretsArgs {
  readonly region: Region;
  /** Secret environment variables of the region's shims. */
  readonly shimVariables: Readonly<Record<string, pulumi.Input<string>>>;
  /** `FLY_REDIS_CACHE_URL` of the region's applications, by what tells them apart in names. */
  readonly cacheUrls: Readonly<Record<string, pulumi.Output<string>>>;
}

/** A secret for shims, and one for each URL. */
export class RegionalSecrets extends pulumi.ComponentResource {
  /** The shims' secret. */
  readonly shimSecretArn: pulumi.Output<string>;
  /** By variable, the `valueFrom` of a container's secret. It names the version, so that a new value starts new shims. */
  readonly shimReferences: Readonly<Record<string, pulumi.Output<string>>>;
  /** The URLs and their secrets, as applications take them. */
  readonly environments: Readonly<Record<string, ApplicationEnvironment>>;

  constructor(name: string, args: RegionalSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("redis-on-fly:infra:RegionalSecrets", name, {}, opts);
    const { region } = args;
    const parent = { parent: this };
    const secret = (role: string, description: string, secretString: pulumi.Output<string>) => {
      const { arn } = new aws.secretsmanager.Secret(
        `${name}-${role}`,
        { region, description: `Redis on Fly: ${description}`, recoveryWindowInDays: 0 },
        parent,
      );
      const { versionId } = new aws.secretsmanager.SecretVersion(
        `${name}-${role}-value`,
        { region, secretId: arn, secretString },
        parent,
      );
      return { arn, versionId };
    };

    const shim = secret("shim", "what shims must know", pulumi.secret(pulumi.jsonStringify(args.shimVariables)));
    this.shimSecretArn = shim.arn;
    this.shimReferences = Object.fromEntries(
      Object.keys(args.shimVariables).map((variable) => [
        variable,
        pulumi.interpolate`${shim.arn}:${variable}::${shim.versionId}`,
      ]),
    );
    this.environments = Object.fromEntries(
      Object.entries(args.cacheUrls).map(([role, url]) => [
        role,
        applicationEnvironment(url, secret(role, "a URL of the cache", pulumi.secret(url)).arn),
      ]),
    );

    this.registerOutputs({ shimSecretArn: this.shimSecretArn });
  }
}
