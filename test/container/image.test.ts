// The shim's image: it builds, is small, and its container does what a shim does.
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric, LaunchShim } from "../../local/fabric";
import { Program } from "../../local/program";
import { shimVariables } from "../../shim/contract";
import { baseImage, buildImage, engineCommand, runEngine, whyNoImage } from "../support/container/engine";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";

// Jest does not name the tests of a file of which all are skipped, so that the reason has to be said.
if (whyNoImage) console.warn(`The image's tests are skipped: ${whyNoImage}.`);
const describeImage = whyNoImage ? describe.skip : describe;

const image = "redis-on-fly-shim:test";
const maxBytesAboveBase = 80_000_000;

// As Fargate runs it: with a file system that it cannot write to, and nothing that only root may do. Podman's health checks
// need systemd; here they are made by hand.
const hardening = ["--read-only", "--cap-drop", "ALL", "--no-healthcheck"];
const alone = ["--rm", "--network", "none", ...hardening];

function sizeOf(name: string): number {
  return Number(runEngine("image", "inspect", "--format", "{{.Size}}", name));
}

/** The command of the image's health check. */
function healthCheck(): readonly string[] {
  // Docker has it in the image's configuration, Podman beside it.
  const [{ Config, Healthcheck = Config.Healthcheck }] = JSON.parse(runEngine("image", "inspect", image));
  const [kind, ...command] = Healthcheck.Test;
  // Anything else would take a shell.
  expect(kind).toBe("CMD");
  return command;
}

/** Enough to start with; nothing of it is there. */
const unconnected = {
  [shimVariables.region]: "eu-west-1",
  [shimVariables.password]: "sixteen-letters-or-more",
  [shimVariables.clusterUrl]: "redis://127.0.0.1:1",
  [shimVariables.topicArn]: "arn:aws:sns:eu-west-1:111122223333:topic",
  [shimVariables.queueUrl]: "http://127.0.0.1:1/queue",
  [shimVariables.deadLetterQueueUrl]: "http://127.0.0.1:1/dead-letters",
  [shimVariables.busEndpoint]: "http://127.0.0.1:1",
  [shimVariables.envelopeKeys]: `1:${Buffer.alloc(32).toString("base64")}`,
  AWS_ACCESS_KEY_ID: "none",
  AWS_SECRET_ACCESS_KEY: "none",
};

const launchContainer: LaunchShim = async (environment) => {
  const variables = Object.keys(environment).flatMap((name) => ["--env", name]);
  const program = await Program.start({
    command: engineCommand,
    args: ["run", "--rm", "--network", "host", ...hardening, ...variables, image],
    environment: { HOME: process.env.HOME ?? "/", ...environment },
  });
  const ready = new Promise<{ port: number; operationsPort: number }>((resolve) => {
    program.on("line", (line) => {
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line));
    });
  });
  const { port, operationsPort } = await program.unlessEnded(`The shim of ${environment[shimVariables.region]}`, ready);
  return { port, operationsPort, pid: program.pid, stop: () => program.stop(), ended: () => program.lastWords() };
};

describeImage("the shim's image", () => {
  let base: string;

  beforeAll(() => {
    base = baseImage();
    buildImage(image, ".", "--file", "shim/Dockerfile", "--build-arg", `NODE_IMAGE=${base}`);
  }, 600_000);

  afterAll(() => {
    runEngine("image", "rm", image);
  });

  test("adds little to its base", () => {
    expect(sizeOf(image) - sizeOf(base)).toBeLessThan(maxBytesAboveBase);
  });

  test("is not run by root", () => {
    expect(runEngine("run", ...alone, "--entrypoint", "node", image, "-p", "process.getuid()").trim()).toBe("1000");
  });

  test("says how it is configured, and stops with every fault where it is not", () => {
    expect(runEngine("run", ...alone, image, "--help")).toContain("FLY_REDIS_CLUSTER_URL");
    const unconfigured = spawnSync(engineCommand, ["run", ...alone, image], { encoding: "utf8" });
    expect(unconfigured.status).toBe(1);
    expect(unconfigured.stderr).toMatch(/FLY_REDIS_REGION must be set/);
  });

  test("has a health check that passes while the shim answers", async () => {
    const [program = "", ...args] = healthCheck();
    const withoutShim = spawnSync(engineCommand, ["run", ...alone, "--entrypoint", program, image, ...args]);
    expect(withoutShim.status).not.toBe(0);
    const variables = Object.entries(unconnected).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    const container = runEngine("run", "--detach", ...alone, ...variables, image).trim();
    try {
      const check = () => spawnSync(engineCommand, ["exec", container, program, ...args]).status;
      await eventually(async () => expect(check()).toBe(0));
    } finally {
      runEngine("kill", container);
    }
  });

  describe("in two regions", () => {
    let fabric: Fabric;

    beforeAll(async () => {
      fabric = await startFabric({ regions: ["us-east-1", "eu-west-1"], launch: launchContainer });
    }, 60_000);

    afterAll(() => fabric?.stop());

    test("replicates what one region writes on database 1", async () => {
      const [here, there] = await Promise.all(
        fabric.regions.map((region) => RawClient.connect(fabric.url(region, region.shims[0]))),
      );
      await here!.call("SELECT", "1");
      await here!.call("SET", "greeting", "hello");
      await eventually(async () => expect(await there!.call("GET", "greeting")).toBe("$5\r\nhello\r\n"));
      here!.close();
      there!.close();
    });
  });
});
