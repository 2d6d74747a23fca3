import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { measureBeside } from "../../bench/beside";
import type { Case } from "../../bench/cases";
import { renderChart } from "../../bench/chart";
import { measureIdle } from "../../bench/idle";
import { type Load, parseFigures } from "../../bench/load";
import { measure, median } from "../../bench/measurement";
import { measureMemory } from "../../bench/memory";
import { moveHere } from "../../bench/movers";
import { type PeerName, Peers } from "../../bench/peers";
import { renderBeside, renderIdle, renderMemory, renderResults } from "../../bench/report";
import { findTool } from "../../local/serverBinary";

const usual: Load = { command: "SET", valueBytes: 64, pipeline: 1, clients: 5, database: 0, requests: 2000 };

test("the median of an even number of values lies between the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

test("percentiles are those of the latencies, not of the cumulative counts below them", () => {
  const text = `
Latency by percentile distribution:
0.000% <= 0.159 milliseconds (cumulative count 1)
50.000% <= 0.559 milliseconds (cumulative count 25496)
99.219% <= 2.807 milliseconds (cumulative count 49613)
99.902% <= 7.191 milliseconds (cumulative count 49952)
100.000% <= 12.567 milliseconds (cumulative count 50000)

Cumulative distribution of latencies:
99.998% <= 1.103 milliseconds (cumulative count 49367)

Summary:
  throughput summary: 54644.81 requests per second
`;
  expect(parseFigures(text)).toEqual({ requestsPerSecond: 54644.81, p50Ms: 0.559, p99Ms: 2.807, p999Ms: 7.191 });
  expect(parseFigures("Could not connect to Redis")).toBeUndefined();
});

const withTool = findTool("redis-benchmark") ? describe : describe.skip;

withTool("a measurement (skipped without redis-benchmark)", () => {
  const names: PeerName[] = ["direct", "shim", "nutcracker", "HAProxy", "direct, TLS", "shim, TLS", "HAProxy, TLS"];
  let peers: Peers;
  beforeAll(async () => {
    peers = await Peers.start(names);
  });
  afterAll(() => peers?.stop());

  test("has a result for every load and for every peer of it that is here, and says why others are not", async () => {
    const cases: Case[] = [
      { load: usual, peers: names },
      { load: { ...usual, command: "GET", pipeline: 16, requests: 20_000 }, peers: ["direct", "shim"] },
      { load: { ...usual, command: "mixed" }, peers: ["direct", "shim"] },
    ];
    const results = await measure({ cases, peers: peers.all, redisPid: peers.redisPid, rounds: 2, progress: () => {} });
    const here = peers.all.map(({ name }) => name);
    expect(here.length + peers.leftOut.length).toBe(names.length);
    expect(results.map(({ load, peer }) => [load, peer])).toEqual(
      cases.flatMap(({ load, peers }) => peers.filter((name) => here.includes(name)).map((name) => [load, name])),
    );
    for (const { figures } of results) expect(figures.requestsPerSecond).toBeGreaterThan(0);
    for (const { ratios } of results) expect(ratios).toHaveProperty("direct");
    expect(renderResults(results).split("\n")).toHaveLength(2 + results.length);
    expect(renderChart(results)).toContain("GET, 5 clients, pipeline 16");
  });

  test("gives a small client's latencies alone and beside each kind of movers", async () => {
    await peers.liftMemoryLimit();
    const beside = await measureBeside({
      peers: peers.all.filter(({ name }) => name === "shim"),
      valueBytes: 1024 ** 2,
      bytesPerSecond: 4 * 1024 ** 2,
      durationMs: 300,
      settleMs: 100,
      rounds: 1,
      progress: () => {},
      startMovers: moveHere,
    });
    expect(beside.map(({ peer, movers }) => [peer, movers])).toEqual([
      ["shim", "SET, 2 × 4 MB/s"],
      ["shim", "GET, 2 × 4 MB/s"],
      ["shim", "SET and GET, each 2 × 4 MB/s"],
      ["shim", "SET and GET, unpaced"],
    ]);
    for (const { quiet, beside: busy, growth, movedBytesPerSecond } of beside) {
      expect(growth).toBeCloseTo(busy.p99Ms / quiet.p99Ms);
      expect(movedBytesPerSecond).toBeGreaterThan(0);
      for (const { p50Ms, p99Ms, maxMs } of [quiet, busy]) {
        expect(p50Ms).toBeGreaterThan(0);
        expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
        expect(maxMs).toBeGreaterThanOrEqual(p99Ms);
      }
    }
    expect(renderBeside(beside).split("\n")).toHaveLength(2 + beside.length);
  });

  test("gives how much each process grows by for a large value", async () => {
    const memory = await measureMemory({ peers: peers.all, valueBytes: 3_000_001, rounds: 2, progress: () => {} });
    const processes = peers.all.filter(({ pid }) => pid !== undefined);
    expect(memory.map(({ peer, command }) => [peer, command])).toEqual(
      processes.flatMap(({ name }) => [
        [name, "SET"],
        [name, "GET"],
      ]),
    );
    for (const { medianBytes, maxBytes } of memory) expect(maxBytes).toBeGreaterThanOrEqual(medianBytes);
    expect(renderMemory(memory).split("\n")).toHaveLength(2 + memory.length);
  });

  test("gives what idle clients take of each process", async () => {
    const idle = await measureIdle(
      peers.all.filter(({ name }) => name === "shim"),
      100,
    );
    expect(idle).toEqual([{ peer: "shim", clients: 100, bytesPerClient: expect.any(Number) }]);
    expect(renderIdle(idle)).toContain("| shim");
  });
});
