// How far apart regions are. The figures are medians of TCP round trips between EC2 instances as published by
// https://www.cloudping.co, rounded; they are there to make a laptop feel like the world, not to be quoted.

/** Each region with its round trips, in milliseconds, to the regions above it. */
const table: readonly (readonly [region: string, ...roundTripsMs: readonly number[]])[] = [
  ["us-east-1"],
  ["us-east-2", 13],
  ["us-west-2", 64, 51],
  ["sa-east-1", 114, 124, 174],
  ["eu-west-1", 70, 79, 119, 176],
  ["eu-central-1", 92, 102, 140, 204, 27],
  ["ap-south-1", 186, 197, 217, 298, 120, 110],
  ["ap-southeast-1", 211, 200, 161, 322, 181, 158, 54],
  ["ap-southeast-2", 199, 187, 140, 312, 256, 249, 145, 93],
  ["ap-northeast-1", 146, 135, 98, 257, 201, 223, 123, 68, 104],
];

const WITHIN_REGION_MS = 1;
const WITHIN_CONTINENT_MS = 50;
const BETWEEN_CONTINENTS_MS = 180;

/** Milliseconds that a packet takes from one region to the other: half the round trip, an estimate for regions not in the table. */
export function oneWayMs(from: string, to: string): number {
  return roundTripMs(from, to) / 2;
}

function roundTripMs(from: string, to: string): number {
  if (from === to) return WITHIN_REGION_MS;
  const [first, second] = [from, to]
    .map((name) => table.findIndex(([region]) => region === name))
    .sort((a, b) => a - b);
  const measured = first === undefined || second === undefined ? undefined : table[second]?.[first + 1];
  if (typeof measured === "number") return measured;
  return continent(from) === continent(to) ? WITHIN_CONTINENT_MS : BETWEEN_CONTINENTS_MS;
}

function continent(region: string): string {
  return region.slice(0, region.indexOf("-"));
}
