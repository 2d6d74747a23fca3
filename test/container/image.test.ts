// The shim's image, where Docker or Podman is: it builds, is small, and its container does what a shim does.
import { execFileSync, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Fabric, LaunchShim } from "../../local/fabric";
import { Program } from "../../local/program";
import { shimVariables } from "../../shim/contract";
import { eventually } from "../support/eventually";
import { startFabric } from "../support/fabric";
import { RawClient } from "../support/rawClient";

const engine = ["docker", "podman"].find((program) => spawnSync(program, ["info"], { stdio: "ignore" }).status === 0);
if (!engine) console.warn("The image's tests are skipped: neither Docker nor Podman answers.");
const describeImage = engine ? describe : describe.skip;

/** Another base than Docker Hub's, where that is not reached. */
const baseImage = process.env.NODE_IMAGE ?? "node:24-slim";
const image = "redis-on-fly-shim:test";
const maxBytesAboveBase = 80_000_000;

function run(...args: string[]): string {
  return execFileSync(engine ?? "", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

function sizeOf(name: string): number {
  return Number(run("image", "inspect", "--format", "{{.Size}}", name));
}

/** Runs a shim as Fargate does: not root, with a file system that it cannot write to. */
const launchContainer: LaunchShim = async (environment) => {
  const variables = Object.keys(environment).flatMap((name) => ["--env", name]);
  const hardening = ["--read-only", "--cap-drop", "ALL", "--user", "1000:1000"];
  const program = await Program.start({
    command: engine ?? "",
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
  beforeAll(() => {
    run("build", "--file", "shim/Dockerfile", "--build-arg", `NODE_IMAGE=${baseImage}`, "--tag", image, ".");
  }, 300_000);

  afterAll(() => {
    run("image", "rm", image);
  });

  test("adds little to its base", () => {
    expect(sizeOf(image) - sizeOf(baseImage)).toBeLessThan(maxBytesAboveBase);
  });

  test("says how it is configured, and stops with every fault where it is not", () => {
    expect(run("run", "--rm", image, "--help")).toContain("FLY_REDIS_CLUSTER_URL");
    const unconfigured = spawnSync(engine ?? "", ["run", "--rm", image], { encoding: "utf8" });
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
