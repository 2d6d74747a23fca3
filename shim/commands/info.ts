// INFO as clients may see it: the cluster's, cut down to fields that give away nothing of its place in the network, and
// a section of the shim's own.

/** Fields of the cluster's INFO that are passed on. */
const harmlessFields = new Set(
  `redis_version valkey_version server_name redis_mode server_mode os arch_bits uptime_in_seconds uptime_in_days hz
  connected_clients blocked_clients maxclients
  used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak used_memory_peak_human
  used_memory_dataset total_system_memory total_system_memory_human maxmemory maxmemory_human maxmemory_policy
  mem_fragmentation_ratio mem_allocator lazyfree_pending_objects
  loading async_loading
  total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes
  total_net_output_bytes instantaneous_input_kbps instantaneous_output_kbps rejected_connections expired_keys
  expired_stale_perc evicted_keys keyspace_hits keyspace_misses total_error_replies
  role connected_slaves cluster_enabled
  used_cpu_sys used_cpu_user`.split(/\s+/),
);

/** Section names for which the shim's own section is shown. */
const sectionsWithOurs = new Set(["all", "default", "everything", "fly"]);

/**
 * Makes the reply to INFO.
 *
 * @param upstream the cluster's INFO for the same sections
 * @param sections what the client asked for, in lower case; empty: the default ones
 * @param ours the fields of the section `# Fly`
 */
export function renderInfo(
  upstream: string,
  sections: readonly string[],
  ours: Readonly<Record<string, string | number>>,
): string {
  const kept = upstream
    .split("\r\n# ")
    .map((section) => section.split("\r\n"))
    .map(([title = "", ...lines]) => {
      const fields = lines.filter((line) => isHarmless(line, title)).map(asPrimary);
      return fields.length > 0 ? [`# ${title.replace(/^# /, "")}`, ...fields, ""].join("\r\n") : "";
    })
    .filter((section) => section !== "");
  if (sections.length === 0 || sections.some((name) => sectionsWithOurs.has(name))) {
    const fields = Object.entries(ours).map(([name, value]) => `${name}:${value}`);
    kept.push(["# Fly", ...fields, ""].join("\r\n"));
  }
  return kept.join("\r\n");
}

/** A shim's cluster is always its region's primary, whatever a replica that is about to be promoted says. */
function asPrimary(line: string): string {
  return line.startsWith("role:") ? "role:master" : line;
}

function isHarmless(line: string, title: string): boolean {
  const [field = ""] = line.split(":", 1);
  // Records of replays live in the server's database 1; clients know of the keys in database 0 alone.
  return harmlessFields.has(field) || (/Keyspace/.test(title) && field === "db0");
}
