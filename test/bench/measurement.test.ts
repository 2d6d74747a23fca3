import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Load } from "../../bench/load";
import { measure, median } from "../../bench/measurement";
import { Peers } from "../../bench/peers";
import { renderTable } from "../../bench/report";
import { findTool } from "../../local/serverBinary";

test("the median of an even number of values lies between the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

const withTool = findTool("redis-benchmark") ? describe : describe.skip;

withTool("a measurement (skipped without redis-benchmark)", () => {
  let peers: Peers;
  beforeAll(async () => {
    peers = await Peers.start();
  });
  afterAll(() => peers?.stop());

  test("has a result for every load and peer, with what it cost as a multiple of the baselines' cost", async () => {
    const loads: Load[] = [
      { command: "SET", pipeline: 1, clients: 5, requests: 2000 },
      { command: "GET", pipeline: 16, clients: 5, requests: 20_000 },
    ];
    const results = await measure({ loads, peers: peers.all, redisPid: peers.redisPid, rounds: 2, progress: () => {} });
    expect(results.map(({ load, peer }) => [load, peer])).toEqual(
      loads.flatMap((load) => peers.all.map(({ name }) => [load, name])),
    );
    for (const { figures } of results) expect(figures.requestsPerSecond).toBeGreaterThan(0);
    for (const { ratios } of results) expect(ratios).toHaveProperty("direct");
    expect(renderTable(results).split("\n")).toHaveLength(2 + results.length);
  });
});
