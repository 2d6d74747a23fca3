// What `npm start` prints for people: each region's URL, and an example that works as it stands.
import { cacheUrlVariable } from "@redis-on-fly/shim/dist/contract";
import type { Fabric } from "./fabric";
import { findTool } from "./serverBinary";

/** The text for a fabric that is ready. */
export function describe(fabric: Fabric, seed: number): string {
  const regions = fabric.regions.map((region) => {
    const [, ...others] = region.shims.map((shim) => fabric.url(region, shim));
    const metrics = region.shims.map(({ operationsPort }) => `http://127.0.0.1:${operationsPort}/metrics`);
    return [
      region.name,
      `  ${cacheUrlVariable}=${fabric.url(region)}`,
      ...others.map((url) => `  another shim of it: ${url}`),
      `  metrics: ${metrics.join(" ")}`,
    ].join("\n");
  });
  return `\n${[...regions, ...example(fabric), `Ctrl-C stops it all. (--seed ${seed} repeats what the bus does.)`].join("\n\n")}\n\n`;
}

/** Database 1 of the first region, then database 0 of the last, once the bus has had its time. */
function example(fabric: Fabric): string[] {
  const [here, there] = [fabric.regions[0], fabric.regions.at(-1)];
  const cli = findTool("redis-cli");
  if (!here || !there || !cli) return [];
  return [
    [
      `Try it: what ${here.name} writes on database 1 shows on database 0 of every region.`,
      `  ${cli} --no-auth-warning -u ${fabric.url(here)} -n 1 SET greeting hello`,
      `  sleep 1; ${cli} --no-auth-warning -u ${fabric.url(there)} GET greeting`,
    ].join("\n"),
  ];
}
