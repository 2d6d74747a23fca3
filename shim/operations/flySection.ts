// The section `# Fly` of INFO: what the shim knows of itself, of replication and of all regions.
import type { ReplicationFigures } from "../replication/figures";
import type { RegionFigures } from "../replication/regions";

/** The section's fields in the order in which they are shown. */
export function flySection(
  region: string,
  sessions: number,
  { regions, origin, outboxCommands, outboxBytes, ...counts }: ReplicationFigures,
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
  };
}

/** In one line, as INFO has a database. */
function line({ canaryAgeMs, shims, reads, outboxCommands, outboxBytes, lagMs, ...counts }: RegionFigures): string {
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
