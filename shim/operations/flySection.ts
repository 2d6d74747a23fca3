// The section `# Fly` of INFO: what the shim knows of itself, of replication and of all regions.
import type { ReplicationFigures } from "../replication/figures";
import type { RegionFigures } from "../replication/regions";

/** The section's fields in the order in which they are shown. */
export function flySection(
  region: string,
  sessions: number,
  { regions, origin, outboxCommands, outboxBytes, purges: _, ...counts }: ReplicationFigures,
  regionFigures: Readonly<Record<string, RegionFigures>>,
): Readonly<Record<string, string | number>> {
  const lags = Object.entries(regions).map(([name, { lagMs }]) => [`lag_ms_${name}`, Math.round(lagMs)]);
  const everyRegion = Object.entries(regionFigures).map(([name, figures]) => [`region_${name}`, line(figures)]);
  return {
    region,
    origin,
    sessions,
    regions: Object.keys({ ...regionFigures, ...regions }).join(","),
    outbox_commands: outboxCommands,
    outbox_bytes: outboxBytes,
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [`replay_${name}`, count])),
    ...Object.fromEntries(lags),
    ...Object.fromEntries(everyRegion),
    ...purgeLines(regionFigures),
  };
}

/** For each of the newest purges its pattern, and how many keys each region has deleted for it so far. */
function purgeLines(regionFigures: Readonly<Record<string, RegionFigures>>): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const [region, { purges }] of Object.entries(regionFigures)) {
    for (const [purge, keys] of Object.entries(purges)) {
      const [stamp, pattern] = purge.split(" ");
      const name = `purge_${stamp}`;
      lines[name] = `${lines[name] ?? `pattern=${pattern}`},${region}=${keys}`;
    }
  }
  return lines;
}

/** In one line, as INFO has a database. */
function line({
  canaryAgeMs,
  shims,
  reads,
  outboxCommands,
  outboxBytes,
  lagMs,
  purges: _,
  ...counts
}: RegionFigures): string {
  const fields = {
    canary_age_ms: canaryAgeMs,
    shims,
    reads_version: reads,
    outbox_commands: outboxCommands,
    outbox_bytes: outboxBytes,
    ...counts,
    ...Object.fromEntries(Object.entries(lagMs).map(([from, ms]) => [`lag_ms_${from}`, Math.round(ms)])),
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}
