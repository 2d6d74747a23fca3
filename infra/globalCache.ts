// The whole of Redis on Fly: a cache in every region, and the mesh that joins them.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { RunError } from "@pulumi/pulumi/errors";
import type { ApplicationEnvironment } from "./applicationEnvironment";
import { CacheCredentials } from "./cacheCredentials";
import { dashboardBody } from "./cacheDashboard";
import { type GlobalCacheArgs, mainUser, resolveOptions } from "./cacheOptions";
import { RegionalCache } from "./regionalCache";
import type { Region } from "./regions";
import { ReplicationMesh } from "./replicationMesh";

export type { ApplicationEnvironment } from "./applicationEnvironment";
export type { CacheUser, ExistingVpc, GlobalCacheArgs } from "./cacheOptions";
export type { Region } from "./regions";

/** A cluster's name has 40 characters: a region, `-cluster` and Pulumi's random ones leave this. */
const maxNameLength = 9;

/**
 * A cache that spans regions.
 *
 * @throws RunError listing every fault in the arguments, before anything is made
 * @example
 * const cache = new GlobalCache("fly", { regions: ["us-east-1", "eu-west-1"] });
 * export const url = cache.cacheUrl("eu-west-1");
 */
export class GlobalCache extends pulumi.ComponentResource {
  /** In the order of the arguments. */
  readonly regionalCaches: readonly RegionalCache[];

  constructor(name: string, args: GlobalCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    if (!/^[a-z][a-z0-9-]*$/.test(name) || name.length > maxNameLength) {
      throw new RunError(
        `A cache cannot be named "${name}": names begin with a letter, consist of lower-case letters, digits and hyphens, ` +
          `and have ${maxNameLength} characters at most, since parts of the cache are named after it.`,
      );
    }
    const options = resolveOptions(args);
    super("redis-on-fly:infra:GlobalCache", name, {}, { protect: options.protect, ...opts });
    const parent = { parent: this };

    const credentials = new CacheCredentials(`${name}-credentials`, { options }, parent);
    this.regionalCaches = options.regions.map(
      (region) => new RegionalCache(`${name}-${region}`, { region, options, credentials }, parent),
    );
    new ReplicationMesh(`${name}-mesh`, { ends: this.regionalCaches }, parent);
    new aws.cloudwatch.Dashboard(
      `${name}-dashboard`,
      {
        region: options.regions[0],
        // A stack's name may have dots, a dashboard's may not.
        dashboardName: `${name}-${pulumi.getProject()}-${pulumi.getStack()}`.replaceAll(/[^\w-]/g, "-"),
        dashboardBody: dashboardBody(this.regionalCaches),
      },
      // Dashboards are global: where another region comes first, deleting the old one last would delete the new one.
      { ...parent, deleteBeforeReplace: true },
    );

    this.registerOutputs({});
  }

  /** The cache in one region. @throws RunError where the cache does not span it */
  regionalCache(region: Region): RegionalCache {
    const found = this.regionalCaches.find((each) => each.region === region);
    if (found) return found;
    const known = this.regionalCaches.map((each) => each.region).join(", ");
    throw new RunError(`The cache does not span ${region}: it is in ${known}.`);
  }

  /**
   * `FLY_REDIS_CACHE_URL` for applications in a region; secret.
   *
   * @param user one of the option `users`. @default the main user, who may do everything
   * @throws RunError where the cache does not span the region, or has no such user
   */
  cacheUrl(region: Region, user?: string): pulumi.Output<string> {
    return this.environment(region, user).url;
  }

  /**
   * `FLY_REDIS_CACHE_URL` in the shapes that ECS, Lambda and Kubernetes take.
   *
   * @param user as for {@link cacheUrl}
   * @throws RunError where the cache does not span the region, or has no such user
   */
  environment(region: Region, user: string = mainUser): ApplicationEnvironment {
    return environmentOf(this.regionalCache(region).environments, user);
  }

  /**
   * The same for drivers that expect of database 1 what a command's own reply would be.
   *
   * @param user as for {@link cacheUrl}
   * @throws RunError where the cache does not span the region, has no such user, or was not made with `typedReplies`
   */
  typedEnvironment(region: Region, user: string = mainUser): ApplicationEnvironment {
    const { typedEnvironments } = this.regionalCache(region);
    if (typedEnvironments) return environmentOf(typedEnvironments, user);
    throw new RunError("The cache has no port for typed replies: set typedReplies to true.");
  }
}

function environmentOf(byUser: Readonly<Record<string, ApplicationEnvironment>>, user: string): ApplicationEnvironment {
  const environment = byUser[user];
  if (environment) return environment;
  throw new RunError(`The cache has no user ${user}: it has ${Object.keys(byUser).join(", ")}. Name it in users.`);
}
