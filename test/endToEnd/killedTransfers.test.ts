// Shim processes that are killed while a large value on database 1 is under way: the sender's, and a receiver's.

import { randomBytes } from "node:crypto";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import { credentials } from "../../local/bus";
import type { Fabric, Region } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { shimVariables } from "../../shim/contract";
import { encodeRequest } from "../../shim/resp/encoder";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";
const regions = ["us-east-1", "eu-west-1"];
const value = randomBytes(2_000_000);
const request = encodeRequest(["SET", "large", value]);
/** Several chunks, and not all. */
const HALF = 1_200_000;

describeWithServer("a shim process that is killed while a large value is under way", () => {
  /** A fabric with one shim a region, whose regions hold an older value already. */
  async function run(
    variables: Readonly<Record<string, string>>,
    scenario: (fabric: Fabric, here: Region, there: Region) => Promise<void>,
  ): Promise<void> {
    const fabric = await startFabric({
      regions,
      launch: (environment) => launchShimProcess({ ...environment, ...variables }),
    });
    try {
      const [here, there] = fabric.regions as [Region, Region];
      const client = await open(fabric, here);
      // Until canaries have told that all shims read chunks.
      await eventually(async () => {
        const info = await client.call("INFO", "fly");
        for (const name of regions) expect(info).toContain(`region_${name}:`);
      });
      expect(await client.call("SET", "large", "old")).toBe(OK);
      await everywhere(fabric, (server) => holds(server, "large", Buffer.from("old")));
      client.close();
      await scenario(fabric, here, there);
    } finally {
      await fabric.stop();
    }
  }

  /** A client on database 1. */
  async function open(fabric: Fabric, region: Region, shim = region.shims[0]): Promise<RawClient> {
    const client = await RawClient.connect(fabric.url(region, shim));
    expect(await client.call("SELECT", "1")).toBe(OK);
    return client;
  }

  async function onServer<Result>({ server }: Region, db: 0 | 1, ask: (client: Redis) => Promise<Result>) {
    const client = new Redis(server.url, { db });
    try {
      return await ask(client);
    } finally {
      client.disconnect();
    }
  }

  function everywhere(fabric: Fabric, check: (region: Region) => Promise<void>): Promise<void> {
    return eventually(() => Promise.all(fabric.regions.map(check)).then(() => undefined));
  }

  async function holds(region: Region, key: string, expected: Buffer): Promise<void> {
    const held = await onServer(region, 0, (client) => client.getBuffer(key));
    expect(held?.equals(expected)).toBe(true);
  }

  /** Names of what a region's server keeps of transfers. */
  function kept(region: Region): Promise<string[]> {
    return onServer(region, 1, (client) => client.keys("[dtw]*"));
  }

  /** Sends the first half, and waits until both regions have all chunks of it. */
  async function sendHalf(client: RawClient, here: Region, there: Region): Promise<void> {
    client.write(request.subarray(0, HALF));
    await eventually(async () => {
      const chunks = (await kept(here)).filter((name) => name.startsWith("d"));
      expect(chunks.length).toBeGreaterThan(3);
      expect((await kept(there)).filter((name) => name.startsWith("d")).sort()).toEqual(chunks.sort());
    });
  }

  /** Messages in a region's queue, those in hand included. */
  async function queued({ name, bus }: Region, endpoint: string): Promise<number> {
    const sqs = new SQSClient({ endpoint, region: name, credentials });
    const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: bus.queueUrl, AttributeNames: [...names] }),
    );
    sqs.destroy();
    return names.reduce((sum, each) => sum + Number(Attributes[each]), 0);
  }

  test("the sender's has changed nothing: what it sent expires, and a later write wins everywhere", async () => {
    await run({ [shimVariables.horizonMs]: "1000" }, async (fabric, here, there) => {
      const client = await open(fabric, here);
      await sendHalf(client, here, there);
      process.kill(here.shims[0]!.pid, "SIGKILL");
      client.write(request.subarray(HALF));
      await client.closed;
      expect(await client.take(1)).toEqual([]);
      await everywhere(fabric, (region) => holds(region, "large", Buffer.from("old")));
      const after = await open(fabric, here, await fabric.startShim(here));
      expect(await after.call("SET", "large", "small")).toBe(OK);
      await everywhere(fabric, (region) => holds(region, "large", Buffer.from("small")));
      await everywhere(fabric, async (region) => expect(await kept(region)).toEqual([]));
      after.close();
    });
  });

  test("a receiver's is made up for by another one, which puts together what both have got", async () => {
    await run({}, async (fabric, here, there) => {
      const client = await open(fabric, here);
      await sendHalf(client, here, there);
      // What it had in hand would come again half a minute later.
      await eventually(async () => expect(await queued(there, fabric.emulator.endpoint)).toBe(0));
      process.kill(there.shims[0]!.pid, "SIGKILL");
      await fabric.startShim(there);
      client.write(request.subarray(HALF));
      expect(await client.take(1)).toEqual([OK]);
      await everywhere(fabric, async (region) => {
        await holds(region, "large", value);
        expect((await kept(region)).filter((name) => !name.startsWith("t"))).toEqual([]);
      });
      client.close();
    });
  });
});
