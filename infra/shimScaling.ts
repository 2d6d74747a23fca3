// How many shims a region has: by processor and by connections, whichever wants more.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { CacheOptions } from "./cacheOptions";
import type { Region } from "./regions";
import type { ShimBalancer } from "./shimBalancer";

/** A shim serves all of its clients on one thread: beyond this they wait for each other. */
const targetCpuPercent = 60;

export interface ShimScalingArgs {
  readonly region: Region;
  readonly cluster: aws.ecs.Cluster;
  readonly service: aws.ecs.Service;
  readonly balancer: ShimBalancer;
  readonly options: Pick<CacheOptions, "minShims" | "maxShims" | "connectionsPerShim">;
}

/** Makes a service's autoscaling, as children of `opts.parent`. */
export function scaleShims(name: string, args: ShimScalingArgs, opts: pulumi.CustomResourceOptions): void {
  const { region, cluster, service, balancer, options } = args;
  const target = new aws.appautoscaling.Target(
    `${name}-scaling`,
    {
      region,
      serviceNamespace: "ecs",
      scalableDimension: "ecs:service:DesiredCount",
      resourceId: pulumi.interpolate`service/${cluster.name}/${service.name}`,
      minCapacity: options.minShims,
      maxCapacity: options.maxShims,
    },
    opts,
  );
  type Tracking = aws.types.input.appautoscaling.PolicyTargetTrackingScalingPolicyConfiguration;
  const track = (role: string, configuration: Tracking) =>
    new aws.appautoscaling.Policy(
      `${name}-scaling-by-${role}`,
      {
        region,
        policyType: "TargetTrackingScaling",
        serviceNamespace: target.serviceNamespace,
        scalableDimension: target.scalableDimension,
        resourceId: target.resourceId,
        // Clients stay where they are connected: a shim that goes makes them all reconnect, so it goes slowly.
        targetTrackingScalingPolicyConfiguration: { scaleOutCooldown: 60, scaleInCooldown: 900, ...configuration },
      },
      opts,
    );

  track("processor", {
    predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
    targetValue: targetCpuPercent,
  });
  const loadBalancer = { name: "LoadBalancer", value: balancer.loadBalancer.arnSuffix };
  const targetGroup = { name: "TargetGroup", value: balancer.doors[0].targetGroup.arnSuffix };
  const metric = (metricName: string, stat: string, dimensions: (typeof loadBalancer)[]) => ({
    metric: { namespace: "AWS/NetworkELB", metricName, dimensions },
    stat,
  });
  track("connections", {
    customizedMetricSpecification: {
      metrics: [
        { id: "flows", metricStat: metric("ActiveFlowCount", "Average", [loadBalancer]), returnData: false },
        {
          id: "shims",
          metricStat: metric("HealthyHostCount", "Maximum", [loadBalancer, targetGroup]),
          returnData: false,
        },
        { id: "flowsPerShim", expression: "flows / shims", returnData: true },
      ],
    },
    targetValue: options.connectionsPerShim,
  });
}
