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

// As Fargate runs it: with a file system that it cannot write to, and nothing that only root may do.
const hardening = ["--read-only", "--cap-drop", "ALL"];

function sizeOf(name: string): number {
  return Number(runEngine("image", "inspect", "--format", "{{.Size}}", name));
}

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
    expect(runEngine("run", "--rm", "--entrypoint", "node", image, "-p", "process.getuid()").trim()).toBe("1000");
  });

  test("says how it is configured, and stops with every fault where it is not", () => {
    expect(runEngine("run", "--rm", image, "--help")).toContain("FLY_REDIS_CLUSTER_URL");
    const unconfigured = spawnSync(engineCommand, ["run", "--rm", image], { encoding: "utf8" });
    expect(unconfigured.status).toBe(1);
    expect(unconfigured.stderr).toMatch(/FLY_REDIS_REGION must be set/);
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
