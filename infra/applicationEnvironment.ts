// The one environment variable that an application reads, in the shapes in which platforms take it.
import type * as pulumi from "@pulumi/pulumi";
import { cacheUrlVariable } from "../shim/contract";

/** `FLY_REDIS_CACHE_URL` of a region, for platforms. The URL has a password in it: it is a secret output throughout. */
export interface ApplicationEnvironment {
  /** The URL itself. */
  readonly url: pulumi.Output<string>;
  /**
   * For a container definition's `secrets` (ECS). The task's execution role must be allowed
   * `secretsmanager:GetSecretValue` on {@link secretArn}.
   */
  readonly ecsSecrets: readonly { readonly name: string; readonly valueFrom: pulumi.Output<string> }[];
  /** For a container definition's `environment` (ECS): simpler, but whoever reads the definition reads the password. */
  readonly ecsEnvironment: readonly { readonly name: string; readonly value: pulumi.Output<string> }[];
  /** For `environment.variables` of a Lambda function. */
  readonly lambdaVariables: Readonly<Record<string, pulumi.Output<string>>>;
  /** For `stringData` of a Kubernetes Secret. */
  readonly kubernetesSecretData: Readonly<Record<string, pulumi.Output<string>>>;
  /** For a container's `env` (Kubernetes), out of the Secret of this name. */
  kubernetesEnv(secretName: pulumi.Input<string>): readonly KubernetesVariable[];
  /** The Secrets Manager secret whose value is the URL. */
  readonly secretArn: pulumi.Output<string>;
}

/** A variable of a Kubernetes container. */
export interface KubernetesVariable {
  readonly name: string;
  readonly valueFrom: { readonly secretKeyRef: { readonly name: pulumi.Input<string>; readonly key: string } };
}

/** Shapes a region's URL and the secret that holds it. */
export function applicationEnvironment(
  url: pulumi.Output<string>,
  secretArn: pulumi.Output<string>,
): ApplicationEnvironment {
  const name = cacheUrlVariable;
  return {
    url,
    ecsSecrets: [{ name, valueFrom: secretArn }],
    ecsEnvironment: [{ name, value: url }],
    lambdaVariables: { [name]: url },
    kubernetesSecretData: { [name]: url },
    kubernetesEnv: (secretName) => [{ name, valueFrom: { secretKeyRef: { name: secretName, key: name } } }],
    secretArn,
  };
}
