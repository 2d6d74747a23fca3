// @ts-check
// What npm scripts run on any machine, a fresh one included: checks Node.js, installs what the job needs and is missing,
// builds, then becomes the job. It has no dependencies, and says what it does on stderr alone.
const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  console.error(`Node.js ${process.versions.node} is too old: install version 20 or newer (https://nodejs.org).`);
  process.exit(1);
}

const { spawn } = require("node:child_process");
const { existsSync, readFileSync } = require("node:fs");
const { constants } = require("node:os");
const { join } = require("node:path");
const { findServers, provideServers, serverVersion } = require("./serverBinary.js");

const root = join(__dirname, "..");

/**
 * A job.
 * @typedef {object} Job
 * @property {string[]} [workspaces] the only ones that it needs; absent: everything, the root's dependencies included
 * @property {string} build folder of the project to compile, with those that it refers to
 * @property {boolean} [bothServers] whether Redis and Valkey are wanted, as far as they can be had
 * @property {string[]} [command] arguments for Node.js; absent: it is done when everything is there
 */

/** @type {Record<string, Job>} */
const jobs = {
  start: { workspaces: ["shim", "local"], build: "local", command: ["local/dist/main.js"] },
  test: {
    build: "local",
    bothServers: true,
    command: ["--experimental-vm-modules", "node_modules/jest/bin/jest.js"],
  },
  bench: { build: "bench", command: ["bench/dist/main.js"] },
  chaos: { build: "chaos", command: ["chaos/dist/main.js"] },
  fuzz: { build: "fuzz", command: ["fuzz/dist/main.js"] },
  ci: { build: "local", bothServers: true },
};

/**
 * @param {string} name
 * @param {string[]} args
 */
async function main(name, args) {
  const job = jobs[name];
  if (!job) throw new Error(`There is no job ${name}: it is one of ${Object.keys(jobs).join(", ")}.`);
  await Promise.all([install(job), provideServers(say, job.bothServers)]);
  if (job.bothServers) say(`servers: ${findServers().map(serverVersion).join(", ")}`);
  if ((await node(["node_modules/typescript/bin/tsc", "--build", job.build], 2)) !== 0)
    throw new Error("It does not compile.");
  if (job.command) process.exitCode = await node([...job.command, ...args], "inherit");
}

/** @param {Job} job */
async function install({ workspaces }) {
  if (isInstalled(workspaces || ["", "shim", "policies", "local"])) return;
  say("installing packages …");
  const only = (workspaces || []).flatMap((workspace) => ["--workspace", workspace]);
  const args = [
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...only,
    ...(workspaces ? ["--include-workspace-root=false"] : []),
  ];
  if ((await execute("npm", args, 2)) !== 0) throw new Error("npm ci failed: see above.");
}

/**
 * Whether all that these workspaces depend on is installed as the lock file has it, whoever installed it.
 * @param {string[]} workspaces by folder; "" is the root
 * @returns {boolean}
 */
function isInstalled(workspaces) {
  const lock = packagesIn("package-lock.json");
  const installed = packagesIn("node_modules/.package-lock.json");
  /** @type {Set<string>} */
  const seen = new Set();
  const queue = [...workspaces];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const wanted = lock[path];
    const found = installed[path];
    if (path.includes("node_modules/")) {
      if (wanted.optional && !found) continue;
      if (!found || found.version !== wanted.version) return false;
    }
    if (wanted.link) queue.push(wanted.resolved);
    const names = Object.keys({ ...wanted.dependencies, ...wanted.devDependencies, ...wanted.optionalDependencies });
    for (const name of names) queue.push(...locate(path, name, lock));
  }
  return true;
}

/**
 * Finds a dependency as Node.js does: in the nearest node_modules upward.
 * @param {string} from
 * @param {string} name
 * @param {Record<string, unknown>} lock
 * @returns {string[]} its path; empty for an optional one that the lock file leaves out
 */
function locate(from, name, lock) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    const path = `${folder}/node_modules/${name}`.replace(/^\//, "");
    if (lock[path]) return [path];
    if (folder === "") return [];
  }
}

/**
 * @param {string} file
 * @returns {Record<string, any>}
 */
function packagesIn(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {};
}

/**
 * @param {string[]} args
 * @param {"inherit" | 2} stdout
 */
function node(args, stdout) {
  return execute(process.execPath, args, stdout);
}

/**
 * Runs a program in the root folder, handing signals on.
 * @param {string} command
 * @param {string[]} args
 * @param {"inherit" | 2} stdout where its output goes: ours, or stderr
 * @returns {Promise<number>} its exit code
 */
function execute(command, args, stdout) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["inherit", stdout, "inherit"] });
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => child.kill(signal);
    /** @type {NodeJS.Signals[]} */
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      for (const each of signals) process.off(each, forward);
      resolve(signal ? 128 + constants.signals[signal] : Number(code));
    });
  });
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

const [name = "", ...args] = process.argv.slice(2);
main(name, args).catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
