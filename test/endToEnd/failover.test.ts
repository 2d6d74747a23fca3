// A failover that closes no connection: the old primary stays, as a replica. Whatever a shim has open finds the new one.
import { afterEach, expect } from "@jest/globals";
import type { Fabric } from "../../local/fabric";
import { launchShimProcess } from "../../local/shimProcess";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { Replica, testWithReplica } from "../support/replica";
import { Resolver } from "../support/resolver";
import { describeOnServers } from "../support/servers";

describeOnServers("a shim whose cluster fails over", (program) => {
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  testWithReplica(
    "is not ready until its name leads to the new primary, and then serves and replays there",
    async () => {
      const resolver = new Resolver("cluster.test");
      stops.push(() => resolver.close());
      resolver.leadTo("127.0.0.1");
      const fabric: Fabric = await startFabric({
        regions: ["eu-west-1", "us-east-1"],
        server: program,
        launch: (environment) => {
          if (environment.FLY_REDIS_REGION !== "eu-west-1") return launchShimProcess(environment);
          const url = new URL(environment.FLY_REDIS_CLUSTER_URL!);
          url.hostname = resolver.name;
          return launchShimProcess({
            ...environment,
            ...resolver.environment,
            FLY_REDIS_CLUSTER_URL: url.href,
            FLY_REDIS_UPSTREAM_TIMEOUT_MS: "200",
          });
        },
      });
      stops.push(() => fabric.stop());
      const region = fabric.regions[0]!;
      const replica = await Replica.of(region.server, program);
      stops.push(() => replica.stop());
      const [old, promoted] = replica.drivers;
      const open = async (): Promise<RawClient> => {
        const client = await RawClient.connect(fabric.url(region));
        stops.push(() => client.close());
        return client;
      };
      const ready = async (): Promise<number> =>
        (await fetch(`http://127.0.0.1:${region.shims[0]!.operationsPort}/ready`)).status;

      const [client, blocked] = [await open(), await open()];
      // A lane that lies idle afterwards.
      expect(await client.call("BLPOP", "queue", "0.01")).toBe("*-1\r\n");
      blocked.send(["BLPOP", "queue", "0"]);
      await eventually(async () => expect(await old.info("clients")).toContain("blocked_clients:1"));
      expect(await ready()).toBe(200);

      // For a while the name still leads to the old one.
      await promoted.call("REPLICAOF", "NO", "ONE");
      await old.call("REPLICAOF", "127.0.0.2", String(region.server.port));
      // The server's own word to those whom it unblocks.
      expect(await blocked.take(1)).toEqual([expect.stringMatching(/^-UNBLOCKED/)]);
      await eventually(async () => expect(await ready()).toBe(503));
      resolver.leadTo("127.0.0.2");
      await eventually(async () => expect(await ready()).toBe(200));

      // Nothing is written at home that would show where the primary is.
      const elsewhere = await RawClient.connect(fabric.url(fabric.regions[1]!));
      stops.push(() => elsewhere.close());
      elsewhere.send(["SELECT", "1"], ["SET", "from elsewhere", "v"], ["WAIT", "1", "15000"]);
      expect(await elsewhere.take(3)).toEqual(["+OK\r\n", "+OK\r\n", ":1\r\n"]);
      expect(await promoted.get("from elsewhere")).toBe("v");

      // INFO comes over the shim's own connection.
      await promoted.config("SET", "maxmemory", "123mb");
      expect(await client.call("INFO", "memory")).toContain(`maxmemory:${123 * 1024 * 1024}\r\n`);
      expect(await client.call("SET", "k", "regional")).toBe("+OK\r\n");
      expect(await promoted.get("k")).toBe("regional");
      client.send(["SELECT", "1"], ["SET", "pushed", "v"], ["SELECT", "0"]);
      expect(await client.take(3)).toEqual(["+OK\r\n", "+OK\r\n", "+OK\r\n"]);
      await eventually(async () => expect(await promoted.get("pushed")).toBe("v"));
      client.send(["BLPOP", "queue", "0"]);
      await eventually(async () => expect(await promoted.info("clients")).toContain("blocked_clients:1"));
      await promoted.rpush("queue", "element");
      expect(await client.take(1)).toEqual(["*2\r\n$5\r\nqueue\r\n$7\r\nelement\r\n"]);
    },
  );
});
