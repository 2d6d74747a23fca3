// Values far larger than what a shim may keep pass through it, both ways, while its memory stays as it is.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { launchInProcess, startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const MEGABYTE = 1024 * 1024;
const OK = "+OK\r\n";

describeWithServer("a large value", () => {
  let fabric: Fabric | undefined;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await fabric?.stop();
  });

  async function open(): Promise<RawClient> {
    const client = await RawClient.connect(fabric!.url(fabric!.regions[0]!));
    clients.push(client);
    return client;
  }

  // The memory of a process is where Linux shows it.
  const testOnLinux = process.platform === "linux" ? test : test.skip;

  testOnLinux("is not gathered on its way", async () => {
    fabric = await startFabric({ regions: ["eu-west-1"], launch: launchShimProcess });
    const { pid } = fabric.regions[0]!.shims[0]!;
    const status = (field: string): number =>
      Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
    const [client, other] = [await open(), await open()];
    const before = status("VmRSS");
    const part = Buffer.alloc(MEGABYTE, "x");
    const parts = 100;
    client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${parts * MEGABYTE}\r\n`);
    for (let sent = 0; sent < parts; sent++) {
      if (!client.socket.write(part)) await once(client.socket, "drain");
      // Whoever else is there is served meanwhile.
      if (sent % 25 === 0) expect(await other.call("EXISTS", "k")).toBe(":0\r\n");
    }
    client.write("\r\n");
    expect(await client.take(1)).toEqual([OK]);

    client.socket.removeAllListeners("data");
    client.send(["GET", "k"]);
    let received = 0;
    for await (const chunk of client.socket) {
      received += (chunk as Buffer).length;
      if (received >= parts * MEGABYTE) break;
    }
    expect(status("VmHWM") - before).toBeLessThan(64);
  });

  test("may take longer than the deadline for an answer, and so may a command that blocks", async () => {
    const variables = { FLY_REDIS_UPSTREAM_TIMEOUT_MS: "100" };
    const launch = (environment: Readonly<Record<string, string>>) => launchInProcess({ ...environment, ...variables });
    fabric = await startFabric({ regions: ["eu-west-1"], launch });
    const [client, blocked] = [await open(), await open()];
    client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n${"x".repeat(100_000)}`);
    expect(await blocked.call("BLPOP", "queue", "0.5")).toBe("*-1\r\n");
    client.write(`${"x".repeat(100_000)}\r\n`);
    expect(await client.take(1)).toEqual([OK]);
    expect(await blocked.call("STRLEN", "k")).toBe(":200000\r\n");
  });
});
