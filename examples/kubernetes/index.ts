// A deployment in each region's Kubernetes cluster. The clusters are there already: the cache comes into their networks.
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type ExistingVpc, GlobalCache, type Region } from "redis-on-fly";

/** A cluster that runs the application. */
interface Cluster {
  /** Its name in the kubeconfig. */
  readonly context: string;
  readonly network: ExistingVpc;
  /** Worn by the nodes that pods run on. */
  readonly nodeSecurityGroupId: string;
}

const clusters = new pulumi.Config().requireObject<Record<Region, Cluster>>("clusters");
const regions = Object.keys(clusters) as Region[];

// The cache, in the clusters' networks, for their nodes
const cache = new GlobalCache("fly", {
  regions,
  vpcs: Object.fromEntries(regions.map((region) => [region, clusters[region].network])),
  clientSecurityGroupIds: Object.fromEntries(regions.map((region) => [region, [clusters[region].nodeSecurityGroupId]])),
});

for (const region of regions) {
  const provider = new k8s.Provider(`app-${region}`, { context: clusters[region].context });
  const { kubernetesSecretData, kubernetesEnv } = cache.environment(region);

  const secret = new k8s.core.v1.Secret(`cache-${region}`, { stringData: { ...kubernetesSecretData } }, { provider });
  const labels = { app: "greeter" };
  new k8s.apps.v1.Deployment(
    `app-${region}`,
    {
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: "app",
                image: "redis:8",
                command: ["sh", "-c", 'while sleep 10; do redis-cli -u "$FLY_REDIS_CACHE_URL" PING; done'],
                env: [...kubernetesEnv(secret.metadata.name)],
              },
            ],
          },
        },
      },
    },
    { provider },
  );
}

// The same in every region
export const [cacheUrl] = regions.map((region) => cache.cacheUrl(region));
