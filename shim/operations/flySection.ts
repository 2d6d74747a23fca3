// The section `# Fly` of INFO: what the shim knows of itself and of replication.
import type { ReplicationFigures } from "../replication/figures";

/** The section's fields in the order in which they are shown. */
export function flySection(
  region: string,
  sessions: number,
  { regions, origin, outboxCommands, outboxBytes, ...counts }: ReplicationFigures,
): Readonly<Record<string, string | number>> {
  const lags = Object.entries(regions).map(([name, { lagMs }]) => [`lag_ms_${name}`, Math.round(lagMs)]);
  return {
    region,
    origin,
    sessions,
    regions: Object.keys(regions).join(","),
    outbox_commands: outboxCommands,
    outbox_bytes: outboxBytes,
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [`replay_${name}`, count])),
    ...Object.fromEntries(lags),
  };
}
