import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import type { LaunchShim } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { affordableClients } from "../../shim/session/capacity";
import { startFabric } from "../support/fabric";
import { limitOpenFiles, testWithFileLimits } from "../support/openFiles";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

testWithFileLimits("no more clients are allowed than descriptors, and one line of log says so", () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const restore = limitOpenFiles(process.pid, 1000);
  try {
    expect(affordableClients(900, log)).toBe(900);
    expect(lines).toEqual([]);
    expect(affordableClients(10_000, log)).toBe(904);
    expect(lines).toEqual([expect.stringContaining("raise it to 10096 by ulimit -n")]);
  } finally {
    restore();
  }
});

describeWithServer("idle clients", () => {
  // The memory of a process is where Linux shows it.
  const testOnLinux = process.platform === "linux" ? test : test.skip;

  testOnLinux("take less than 12 KB each of a shim's memory", async () => {
    // Room for new objects grows as it is used, by more than what is measured here.
    const NODE_OPTIONS = "--max-semi-space-size=1";
    const launch: LaunchShim = (environment) => launchShimProcess({ ...environment, NODE_OPTIONS });
    const fabric = await startFabric({ regions: ["eu-west-1"], launch });
    const { pid } = fabric.regions[0]!.shims[0]!;
    const residentKb = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    const clients: RawClient[] = [];
    const connect = async (count: number): Promise<void> => {
      const more = await Promise.all(
        Array.from({ length: count }, () => RawClient.connect(fabric.url(fabric.regions[0]!))),
      );
      clients.push(...more);
      await Promise.all(more.map((client) => client.call("GET", "k")));
    };
    try {
      // Until the heap is as large as the work itself wants it.
      await connect(1000);
      const before = residentKb();
      await connect(1000);
      expect((residentKb() - before) / 1000).toBeLessThan(12);
    } finally {
      for (const client of clients) client.close();
      await fabric.stop();
    }
  });
});
