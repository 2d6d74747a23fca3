// What only a real thread shows; what it does is tested where messages and commands are.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "@jest/globals";
import { launchShimProcess } from "../../local/shimProcess";
import { startFabric } from "../support/fabric";
import { describeWithServer } from "../support/servers";

const compiled = resolve(__dirname, "../../shim/dist/inbound");

describe("a failure of either thread", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "inbound-"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** How a process ends whose thread runs a program, with these for the front and its other options, and what it does next. */
  function ending(thread: string, front = "{}", options = "{}", next = ""): Promise<[code: unknown, stderr: string]> {
    const program = join(folder, "program.js");
    writeFileSync(program, thread);
    const main = `
      const { InboundThread } = require(${JSON.stringify(join(compiled, "inboundThread.js"))});
      const options = Object.assign(${options}, { program: ${JSON.stringify(program)} });
      new InboundThread(options, ${front}).start();
      ${next}
      setInterval(() => {}, 1000);
    `;
    const timeout = 10_000;
    return new Promise((resolve) =>
      execFile(process.execPath, ["--eval", main], { timeout }, (error, _, stderr) => resolve([error?.code, stderr])),
    );
  }

  it("ends the process, with what it failed of: a shim that receives nothing would look healthy", async () => {
    expect(await ending("throw new Error('out of order')")).toEqual([1, expect.stringContaining("out of order")]);
  });

  it("tells what it failed of where the main thread was busy until the other one was gone", async () => {
    const busy = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);";
    const [, stderr] = await ending("throw new Error('out of order')", "{}", "{}", busy);
    expect(stderr).toContain("out of order");
  });

  const fails = "() => { throw new Error('out of order') }";

  it.each([
    ["replayed", `{ replayed: ${fails} }`, "{}"],
    ["purged", `{ purged: async ${fails} }`, "{}"],
    ["poisoned", `{ poisoned: ${fails} }`, "{}"],
    ["requested", "{}", `{ onRequest: ${fails} }`],
  ])("ends the process where it happens in a call that nobody waits for: %s", async (name, front, options) => {
    const thread = `
      const { parentPort } = require("node:worker_threads");
      const { callsOver } = require(${JSON.stringify(join(compiled, "threadCalls.js"))});
      callsOver(parentPort, { start() {} }).then((front) => front.${name}());
    `;
    expect(await ending(thread, front, options)).toEqual([1, expect.stringContaining("out of order")]);
  });
});

/** Only there threads have a niceness of their own. */
const onLinux = process.platform === "linux" ? test : test.skip;

describeWithServer("the thread of the way in", () => {
  onLinux("gives way to the thread of the clients", async () => {
    const fabric = await startFabric({ regions: ["eu-west-1"], launch: launchShimProcess });
    const { pid } = fabric.regions[0]!.shims[0]!;
    const nicenesses = readdirSync(`/proc/${pid}/task`).map((thread) => {
      // Behind the name, which may have spaces, the niceness is the 17th field (proc(5)).
      const [, fields = ""] = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1").split(") ");
      return { isMain: thread === String(pid), niceness: Number(fields.split(" ")[16]) };
    });
    await fabric.stop();
    const own = nicenesses.find(({ isMain }) => isMain)!.niceness;
    expect(Math.max(...nicenesses.map(({ niceness }) => niceness))).toBe(Math.min(19, own + 5));
  });
});
