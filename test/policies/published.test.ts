// The pack as it is published: what `npm pack` takes of its built folder has to run by itself.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PackServer } from "../support/policies/packServer";

const repository = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "redis-on-fly-pack-"));
let pack: PackServer | undefined;

beforeAll(async () => {
  const run = (command: string, args: string[], cwd = repository) =>
    execFileSync(command, args, { cwd, stdio: "pipe" });
  run("npm", ["run", "build", "--workspace", "policies"]);
  run("npm", ["pack", "--pack-destination", folder], join(repository, "policies/dist"));
  run("tar", ["-xzf", "redis-on-fly-policies-0.1.0.tgz"], folder);
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  pack = await PackServer.start(join(folder, "package"));
}, 120_000);

afterAll(async () => {
  await pack?.stop();
  rmSync(folder, { recursive: true });
});

test("the published pack judges without the rest of the repository", async () => {
  const balancer = { type: "aws:lb/loadBalancer:LoadBalancer", name: "balancer", properties: { internal: false } };
  expect(await pack!.judge(balancer)).toEqual({
    violations: ["lb-internal: balancer faces the internet. Set internal to true."],
    undecided: [],
  });
});
