import { expect, test } from "@jest/globals";
import { judgeBeside, judgeIdle, judgeLoads, judgeMemory, judgeReplay } from "../../bench/aims";
import type { Load } from "../../bench/load";
import type { PeerName } from "../../bench/peers";
import { renderAims } from "../../bench/report";

const load: Load = { command: "SET", valueBytes: 64, pipeline: 1, clients: 500, database: 0, requests: 2000 };
const latencies = { p50Ms: 1, p99Ms: 1, maxMs: 1, requests: 1 };

test("an aim is judged by the shim's ratio to the peer that it names, and left out without that peer", () => {
  const figures = { requestsPerSecond: 1, p50Ms: 1, p99Ms: 1, p999Ms: 1, proxyMicros: 1, redisMicros: 1, micros: 2 };
  const judge = (peer: PeerName, rate: number) =>
    judgeLoads([{ load, peer, figures, ratios: { direct: { cost: 1, rate } } }]).map(({ met }) => met);
  expect(judge("shim", 1.01)).toEqual([true]);
  expect(judge("shim", 0.99)).toEqual([false]);
  expect(judge("HAProxy", 0.99)).toEqual([]);
  expect(judgeLoads([{ load, peer: "shim", figures, ratios: {} }])).toEqual([]);
});

test("memory of idle clients and of large values, and what these cost others, are judged of the shim alone", () => {
  const idle = (peer: string, bytesPerClient: number) => judgeIdle([{ peer, clients: 100, bytesPerClient }]);
  const memory = (peer: string, maxBytes: number) =>
    judgeMemory([{ peer, command: "GET", medianBytes: 0, maxBytes }]).map(({ met }) => met);
  const beside = (peer: string, growth: number) =>
    judgeBeside([{ peer, movers: "SET", movedBytesPerSecond: 1, quiet: latencies, beside: latencies, growth }]).map(
      ({ met }) => met,
    );
  expect(idle("shim", 12 * 1024)).toEqual([
    { aim: "KB a client ≤ 12", subject: "100 idle clients", measured: 12, met: true },
  ]);
  expect(idle("shim", 12.1 * 1024).map(({ met }) => met)).toEqual([false]);
  expect(memory("shim", 63 * 1024 ** 2)).toEqual([true]);
  expect(memory("shim", 64 * 1024 ** 2)).toEqual([false]);
  expect(beside("shim", 2)).toEqual([true]);
  expect(beside("shim", 2.1)).toEqual([false]);
  for (const judge of [idle, memory, beside]) expect(judge("nutcracker", 1)).toEqual([]);
});

test("a replay is judged by its costs, and by what a client of database 0 feels of it, however that gets its cores", () => {
  const beside = { quiet: latencies, replaying: latencies, waitShare: 0, replayedPerSecond: 1 };
  const judged = judgeReplay({
    rawMicros: 1,
    redisMicros: 10,
    shimMicros: 5.1,
    replayedPerSecond: 1,
    besideReplay: [
      { ...beside, turn: "with all others", growth: 2.1 },
      { ...beside, turn: "first", growth: 2 },
    ],
  });
  expect(judged.map(({ met }) => met)).toEqual([true, false, false, true]);
});

test("aims are a table of their own, and none where there is none", () => {
  const judgements = judgeIdle([{ peer: "shim", clients: 100, bytesPerClient: 13 * 1024 }]);
  expect(renderAims(judgements).split("\n").at(-1)).toMatch(/KB a client ≤ 12 \| 100 idle clients \| +13.00 \| missed/);
  expect(renderAims([])).toBe("");
});
