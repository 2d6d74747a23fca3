import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import type { LaunchShim } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { affordable } from "../../shim/session/capacity";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { limitOpenFiles, testWithFileLimits } from "../support/openFiles";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

testWithFileLimits("no more clients and lanes are allowed than descriptors, and one line of log says so", () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const restore = limitOpenFiles(process.pid, 1000);
  try {
    expect(affordable({ maxClients: 800, maxPrivateLanes: 100, lanesPerProtocol: 2 }, log)).toEqual({
      maxClients: 800,
      maxPrivateLanes: 100,
    });
    expect(lines).toEqual([]);
    const { maxClients, maxPrivateLanes } = affordable(
      { maxClients: 10_000, maxPrivateLanes: 1000, lanesPerProtocol: 64 },
      log,
    );
    expect([maxClients, maxPrivateLanes]).toEqual([705, 70]);
    expect(lines).toEqual([expect.stringContaining("raise it to 11224 by ulimit -n")]);
  } finally {
    restore();
  }
});

describeWithServer("clients who all block", () => {
  testWithFileLimits("leave the shim the descriptors that it needs to serve the others", async () => {
    // Node.js raises a soft limit by itself.
    const limit =
      'import { execFileSync } from "node:child_process";' +
      'execFileSync("prlimit", ["--pid", String(process.pid), "--nofile=300:300"]);';
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(limit)}`;
    const launch: LaunchShim = (environment) => launchShimProcess({ ...environment, NODE_OPTIONS });
    const fabric = await startFabric({ regions: ["eu-west-1"], launch });
    const region = fabric.regions[0]!;
    const { host, username, password } = new URL(fabric.url(region));
    const clients: RawClient[] = [];
    const open = async (url: string): Promise<RawClient> => {
      const client = await RawClient.connect(url);
      clients.push(client);
      return client;
    };
    try {
      const [direct, other, reader] = [
        await open(region.server.url),
        await open(fabric.url(region)),
        await open(fabric.url(region)),
      ];
      // As many as there may be.
      const waiting: RawClient[] = [];
      for (;;) {
        const client = await open(`redis://${host}`);
        if (/max number/.test(await client.call("AUTH", username, password))) break;
        waiting.push(client);
      }
      let refused = 0;
      for (const client of waiting) {
        client.send(["BLPOP", "queue", "0"]);
        void client.take(1).then(() => refused++);
      }
      await eventually(async () => {
        const [, blocked] = /blocked_clients:(\d+)/.exec(await direct.call("INFO", "clients")) ?? [];
        expect(Number(blocked) + refused).toBe(waiting.length);
      });
      await direct.call("SET", "large", Buffer.alloc(64 * 1024 * 1024));
      reader.socket.pause();
      // Its lane is left to it, and the others get another.
      reader.send(["GET", "large"]);
      await eventually(async () => expect(await direct.call("CLIENT", "LIST")).toMatch(/ omem=\d{7}/));
      expect(await other.call("EXISTS", "large")).toBe(":1\r\n");
    } finally {
      for (const client of clients) client.close();
      await fabric.stop();
    }
  });
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
