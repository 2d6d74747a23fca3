// Segments as tests want them: from commands.
import type { StampedCommand } from "../../shim/replication/envelope";
import { Segment } from "../../shim/replication/segment";

/** Commands of one origin, in the order of their stamps. */
export function segmentOf(origin: number, commands: Iterable<StampedCommand>): Segment {
  const segment = new Segment(origin);
  for (const command of commands) segment.append(command);
  return segment;
}
