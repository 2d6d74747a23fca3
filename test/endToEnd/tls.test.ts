// A cluster that is reached by TLS alone, as a user of its own, as ElastiCache is.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import Redis from "ioredis-6";
import type { LaunchShim } from "../../local/fabric";
import { freePort } from "../../local/servers";
import { launchShimProcess } from "../../local/shimProcess";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

describeWithServer("a cluster behind TLS", () => {
  test("is used by lanes of both protocols, private ones and replay", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fly-redis-tls-"));
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "1"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });

    const launch: LaunchShim = async (environment) => {
      const driver = new Redis(environment.FLY_REDIS_CLUSTER_URL!, { protocol: 2 });
      const tlsPort = await freePort();
      const tls = ["tls-cert-file", cert, "tls-key-file", key, "tls-ca-cert-file", cert, "tls-auth-clients", "no"];
      await driver.call("CONFIG", "SET", ...tls, "tls-port", String(tlsPort));
      await driver.call("ACL", "SETUSER", "shim", "on", ">secret-of-the-shim", "~*", "+@all");
      await driver.quit();
      return launchShimProcess({
        ...environment,
        FLY_REDIS_CLUSTER_URL: `rediss://shim:secret-of-the-shim@localhost:${tlsPort}`,
        NODE_EXTRA_CA_CERTS: cert,
      });
    };
    const fabric = await startFabric({ regions: ["eu-west-1"], launch });
    try {
      const client = await RawClient.connect(fabric.url(fabric.regions[0]!));
      client.send(["SET", "k", "v"], ["GET", "k"], ["BLPOP", "none", "0.01"], ["HELLO", "3"], ["HGETALL", "none"]);
      const replies = await client.take(5);
      expect([...replies.slice(0, 3), replies[4]]).toEqual(["+OK\r\n", "$1\r\nv\r\n", "*-1\r\n", "%0\r\n"]);
      const large = "x".repeat(300_000);
      client.send(["SET", "large", large], ["GET", "large"], ["SELECT", "1"], ["SET", "pushed", "v"], ["SELECT", "0"]);
      expect((await client.take(5)).map(({ length }) => length)).toEqual([5, 300_011, 5, 5, 5]);
      await eventually(async () => expect(await client.call("GET", "pushed")).toBe("$1\r\nv\r\n"));
      client.close();
    } finally {
      await fabric.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
