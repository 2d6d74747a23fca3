// What is measured, as data: groups of loads by name, each with the peers that can bear it. Within a group SET comes first,
// so that GET finds a value of its size.
import type { Load } from "./load";
import type { PeerName } from "./peers";

/** A load and who is to bear it. */
export interface Case {
  readonly load: Load;
  readonly peers: readonly PeerName[];
}

/** Names that `--cases` takes, beside `all`. */
export type GroupName = keyof typeof groups;

interface Group {
  readonly purpose: string;
  readonly peers: readonly PeerName[];
  readonly loads: readonly Omit<Load, "requests">[];
}

const KB = 1024;
// With fewer, connecting would be a good part of what is measured.
const MIN_REQUESTS_PER_CLIENT = 20;

const everyPeer = ["direct", "shim", "nutcracker", "HAProxy"] as const;
const usual = { valueBytes: 64, pipeline: 1, clients: 50, database: 0 } as const;

function setAndGet(load: Partial<Load>): Omit<Load, "requests">[] {
  return (["SET", "GET"] as const).map((command) => ({ ...usual, ...load, command }));
}

const groups = {
  p1: { purpose: "64 B, 50 clients, un-pipelined", peers: everyPeer, loads: setAndGet({}) },
  p16: { purpose: "pipeline 16", peers: everyPeer, loads: setAndGet({ pipeline: 16 }) },
  p100: { purpose: "pipeline 100", peers: everyPeer, loads: setAndGet({ pipeline: 100 }) },
  "c500-p1": { purpose: "500 clients, un-pipelined", peers: everyPeer, loads: setAndGet({ clients: 500 }) },
  "c500-p16": {
    purpose: "500 clients, pipeline 16",
    peers: everyPeer,
    loads: setAndGet({ clients: 500, pipeline: 16 }),
  },
  "c500-p100": {
    purpose: "500 clients, pipeline 100",
    peers: everyPeer,
    loads: setAndGet({ clients: 500, pipeline: 100 }),
  },
  "1KB": { purpose: "values of 1 KB", peers: everyPeer, loads: setAndGet({ valueBytes: KB }) },
  "64KB": { purpose: "values of 64 KB", peers: everyPeer, loads: setAndGet({ valueBytes: 64 * KB }) },
  "1MB": { purpose: "values of 1 MB", peers: everyPeer, loads: setAndGet({ valueBytes: KB * KB }) },
  mixed: { purpose: "GET and SET, 80:20", peers: everyPeer, loads: [{ ...usual, command: "mixed" }] },
  blind: {
    purpose: "pipeline 16, beside a proxy on Node.js that reads no RESP",
    peers: ["shim", "HAProxy", "blind"],
    loads: setAndGet({ pipeline: 16 }),
  },
  database1: {
    purpose: "SET on database 1, pipeline 100, replication into a sink",
    peers: ["direct", "shim, sink"],
    loads: [{ ...usual, command: "SET", pipeline: 100, database: 1 }],
  },
  tls: {
    purpose: "upstream by TLS, un-pipelined and pipeline 16",
    peers: ["direct", "direct, TLS", "shim", "shim, TLS", "HAProxy, TLS"],
    loads: [...setAndGet({}), ...setAndGet({ pipeline: 16 })],
  },
} as const satisfies Readonly<Record<string, Group>>;

/** What is measured unless something else is asked for: some five minutes. */
export const usualGroups: readonly GroupName[] = ["p1", "p16"];

/** One line for each group. */
export function describeGroups(): string {
  return Object.entries(groups)
    .map(([name, { purpose }]) => `  ${name.padEnd(10)} ${purpose}`)
    .join("\n");
}

/** @throws RangeError with the names there are */
export function parseGroups(text: string): GroupName[] {
  const names = Object.keys(groups) as GroupName[];
  if (text === "all") return names;
  return text.split(",").map((name) => {
    const known = names.find((each) => each === name);
    if (!known) throw new RangeError(`There is no case ${name}: it is all, or some of ${names.join(", ")}.`);
    return known;
  });
}

/** @param requests - of an un-pipelined measurement of small values */
export function casesOf(names: readonly GroupName[], requests: number): Case[] {
  return names.flatMap((name) => {
    const { loads, peers }: Group = groups[name];
    return loads.map((load) => ({ load: { ...load, requests: requestsOf(load, requests) }, peers }));
  });
}

/** More where they are cheap, so that a measurement takes long enough; fewer where they are large. */
function requestsOf({ pipeline, valueBytes, clients }: Omit<Load, "requests">, requests: number): number {
  const wanted = Math.ceil(requests * Math.sqrt(pipeline) * Math.min(1, (4 * KB) / valueBytes));
  return Math.max(wanted, clients * MIN_REQUESTS_PER_CLIENT);
}
