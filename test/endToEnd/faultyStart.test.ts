// Shims that cannot start, as processes: what they say names the variables and the reason, and they are gone.
import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { launchShimProcess } from "../../local/shimProcess";
import { listen, portOf } from "../../shim/operations/operationsServer";

const environment = {
  FLY_REDIS_REGION: "eu-west-1",
  FLY_REDIS_HOST: "127.0.0.1",
  FLY_REDIS_PORT: "0",
  FLY_REDIS_OPERATIONS_HOST: "127.0.0.1",
  FLY_REDIS_OPERATIONS_PORT: "0",
  FLY_REDIS_PASSWORD: "correct-horse-battery",
  FLY_REDIS_CLUSTER_URL: "redis://127.0.0.1:1",
  FLY_REDIS_TOPIC_ARN: "arn:aws:sns:eu-west-1:123456789012:fly",
  FLY_REDIS_QUEUE_URL: "http://127.0.0.1:1/fly",
  FLY_REDIS_DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:1/fly-dead",
  FLY_REDIS_BUS_ENDPOINT: "http://127.0.0.1:1",
  FLY_REDIS_ENVELOPE_KEYS: `1:${Buffer.alloc(32, 7).toString("base64")}`,
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: "local",
};

test.each([
  ["missing", "/nowhere.pem", /ENOENT.*'\/nowhere\.pem'/],
  ["something else", __filename, /PEM/],
])("a certificate that is %s", async (_, file, reason) => {
  const launched = launchShimProcess({ ...environment, FLY_REDIS_TLS_CERTIFICATE: file, FLY_REDIS_TLS_KEY: file });
  await expect(launched).rejects.toThrow(
    /exited with code 1\n.* has a fault:\n +FLY_REDIS_TLS_CERTIFICATE and FLY_REDIS_TLS_KEY must name a certificate/,
  );
  await expect(launched).rejects.toThrow(reason);
});

test.each([
  ["FLY_REDIS_HOST", "FLY_REDIS_PORT"],
  ["FLY_REDIS_HOST", "FLY_REDIS_TYPED_PORT"],
  ["FLY_REDIS_OPERATIONS_HOST", "FLY_REDIS_OPERATIONS_PORT"],
])("a port that is taken, of %s and %s", async (host, name) => {
  const other = createServer();
  await listen(other, "127.0.0.1", 0, pino({ level: "silent" }));
  const port = portOf(other);
  await expect(launchShimProcess({ ...environment, [name]: String(port) })).rejects.toThrow(
    `has a fault:\n      ${host} and ${name} must be an address of this machine and a free port: listen EADDRINUSE`,
  );
  other.close();
});
