// `npm start` as a program: what it prints, what it refuses, what it leaves behind. It runs as built, from a copy with a
// state of its own, so that a fabric that runs in this checkout meanwhile is left alone.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Redis } from "ioredis";
import type { RegionState } from "../../local/state";
import { describeWithServer } from "../support/servers";

const root = join(__dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "redis-on-fly-"));
const main = join(copy, "local/dist/main.js");

/** The copy shares this checkout's packages and its server. */
function makeCopy(): void {
  cpSync(join(root, "local/dist"), join(copy, "local/dist"), { recursive: true });
  writeFileSync(join(copy, "package-lock.json"), "{}");
  mkdirSync(join(copy, ".local"));
  for (const path of ["node_modules", ".local/bin", ".local/redis"]) {
    if (existsSync(join(root, path))) symlinkSync(join(root, path), join(copy, path));
  }
}

interface Run {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  return { child, output };
}

/** Runs it to its end. */
async function finish(...args: string[]): Promise<Run["output"] & { code: number }> {
  const { child, output } = run(...args);
  const [code] = await once(child, "close");
  return { code, ...output };
}

async function outputMatches({ child, output }: Run, name: "stdout" | "stderr", pattern: RegExp): Promise<void> {
  while (!pattern.test(output[name])) {
    await Promise.race([
      once(child[name]!, "data"),
      once(child, "close").then(() => {
        throw new Error(`it ended, having said:\n${output.stderr}`);
      }),
    ]);
  }
}

describeWithServer("npm start", () => {
  const regions: RegionState[] = [];
  let fabric: Run;

  beforeAll(async () => {
    makeCopy();
    fabric = run("--regions", "us-east-1,eu-west-1", "--delay", "0", "--json");
    await outputMatches(fabric, "stdout", /\n/);
    regions.push(...JSON.parse(fabric.output.stdout).regions);
  });

  afterAll(async () => {
    if (fabric.child.exitCode === null) {
      fabric.child.kill();
      await once(fabric.child, "close");
    }
    rmSync(copy, { recursive: true });
  });

  test("prints one line of JSON, with each region's name, URL, cluster and process", () => {
    expect(fabric.output.stdout.trim().split("\n")).toHaveLength(1);
    expect(regions.map(({ name }) => name)).toEqual(["us-east-1", "eu-west-1"]);
    for (const { url, cluster, pid } of regions) {
      expect(url).toMatch(/^redis:\/\/app:[\w-]+@127\.0\.0\.1:\d+$/);
      expect(cluster).toMatch(/^redis:\/\/default:[\w-]+@127\.0\.0\.1:\d+$/);
      expect(process.kill(pid, 0)).toBe(true);
    }
  });

  test("a second start says that one runs, and where", async () => {
    const { code, stderr } = await finish();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `A fabric runs here already (us-east-1, eu-west-1; process ${fabric.child.pid}): use that one, or stop it with Ctrl-C.\n`,
    );
  });

  test("exec runs a program in a region of the running fabric and passes its exit code on", async () => {
    const program = "console.log(process.env.FLY_REDIS_CACHE_URL); process.exitCode = 7";
    expect(await finish("exec", "eu-west-1", "--", process.execPath, "-e", program)).toEqual({
      code: 7,
      stdout: `${regions[1]!.url}\n`,
      stderr: "",
    });
  });

  test("exec says in a line what is wrong with a region or a program", async () => {
    expect(await finish("exec", "sa-east-1", "--", "true")).toMatchObject({
      code: 1,
      stderr:
        "sa-east-1 is not a region of this fabric: name one of us-east-1, eu-west-1, or start it with --regions.\n",
    });
    expect(await finish("exec", "eu-west-1", "--", "no-such-program")).toMatchObject({
      code: 1,
      stderr: "no-such-program cannot be run: spawn no-such-program ENOENT\n",
    });
  });

  test("says so when a shim dies, and runs on", async () => {
    process.kill(regions[1]!.pid, "SIGKILL");
    await outputMatches(fabric, "stderr", /The shim of eu-west-1 was killed by SIGKILL/);
    const client = new Redis(regions[0]!.url, { connectionName: "" });
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
  });

  test("Ctrl-C stops everything that it started", async () => {
    fabric.child.kill("SIGINT");
    expect(await once(fabric.child, "close")).toEqual([0, null]);
    expect(() => process.kill(regions[0]!.pid, 0)).toThrow("ESRCH");
    const client = new Redis(regions[0]!.cluster, { lazyConnect: true, retryStrategy: () => null });
    client.on("error", () => {});
    await expect(client.connect()).rejects.toThrow();
  });

  test("a port that is taken is named before anything starts", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    const { code, stderr } = await finish("--port", String(port));
    listener.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`Port ${port} cannot be used (EADDRINUSE): choose another --port, 3 in a row are needed.\n`);
  });

  test("exec starts a fabric of its own where none runs, whatever a crash left behind, and stops it afterwards", async () => {
    writeFileSync(join(copy, ".local/fabric.json"), '{"pid":');
    const program = `
      const { Redis } = require("ioredis");
      const client = new Redis(process.env.FLY_REDIS_CACHE_URL);
      client.set("key", "value").then(() => client.get("key")).then((value) => { console.log(value); client.quit(); });`;
    const { code, stdout } = await finish(
      "--regions",
      "eu-west-1",
      "exec",
      "eu-west-1",
      "--",
      process.execPath,
      "-e",
      program,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "value\n" });
  });
});
