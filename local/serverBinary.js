// @ts-check
// Where the Redis or Valkey server of this machine is, and how to get one without root, without starting a service and
// without touching anything outside the folder .local. Plain JavaScript: it runs before anything is installed.
const { execFile } = require("node:child_process");
const { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } = require("node:fs");
const { delimiter, dirname, join } = require("node:path");
const { promisify } = require("node:util");

const run = promisify(execFile);

/**
 * A server program.
 * @typedef {object} ServerProgram
 * @property {string} command file to execute
 * @property {string} [argv0] name to run it under, where the file bears another one
 */

/** The folder, ignored by git, in which this checkout keeps what it fetched and what runs. */
const localFolder = join(repositoryRoot(), ".local");

// redis-check-rdb is the server under another name, in a package that starts no service: one program, three faces by argv[0].
const faces = [
  { file: "redis-server" },
  { file: "valkey-server" },
  { file: "redis-check-rdb", argv0: "redis-server" },
  { file: "valkey-check-rdb", argv0: "valkey-server" },
];

/**
 * The server to use: the one that REDIS_SERVER names, else one on the PATH, else the one that was fetched.
 * @returns {ServerProgram | undefined}
 */
function findServer() {
  const named = process.env.REDIS_SERVER;
  if (named) return { command: named };
  for (const { file, argv0 } of faces) {
    const command = onPath(file);
    if (command) return argv0 ? { command, argv0 } : { command };
  }
  const fetched = join(localFolder, "bin", "redis-server");
  return existsSync(fetched) ? { command: fetched } : undefined;
}

/**
 * A tool that comes with the server, such as redis-cli: on the PATH, by its Redis or its Valkey name, or fetched.
 * @param {`redis-${string}`} name
 * @returns {string | undefined} its path
 */
function findTool(name) {
  const fetched = join(localFolder, "bin", name);
  return onPath(name) || onPath(name.replace("redis", "valkey")) || (existsSync(fetched) ? fetched : undefined);
}

/**
 * Gets a server on Debian, Ubuntu and macOS.
 * @param {(line: string) => void} say
 * @returns {Promise<void>}
 * @throws {Error} where that is not possible; the message tells what to install
 */
async function fetchServer(say) {
  try {
    if (process.platform === "linux" && onPath("apt-get") && onPath("dpkg-deb")) {
      say("fetching redis-tools into .local (nothing is installed on the machine) …");
      await fetchDebianPackages();
    } else if (process.platform === "darwin" && onPath("brew")) {
      say("brew install redis (no service is started) …");
      await run("brew", ["install", "redis"]);
    }
  } catch (error) {
    say(String(error));
  }
  if (findServer()) return;
  throw new Error(
    "There is no redis-server or valkey-server here, and none could be fetched: install Redis 7 or Valkey (apt install " +
      "redis-tools, dnf install valkey, apk add redis, brew install redis …), or set REDIS_SERVER to the path of one.",
  );
}

/** Unpacks redis-tools, and whatever it needs that this machine lacks, by an apt whose state is private to us. */
async function fetchDebianPackages() {
  const state = join(localFolder, "apt");
  const packages = join(localFolder, "redis");
  for (const folder of [packages, join(localFolder, "bin")]) rmSync(folder, { recursive: true, force: true });
  for (const folder of [
    join(state, "lists/partial"),
    join(state, "cache/archives/partial"),
    packages,
    join(localFolder, "bin"),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  const options = [
    `Dir::State::lists=${join(state, "lists")}`,
    `Dir::Cache=${join(state, "cache")}`,
    // Root's apt would else download as a user that may not write here.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  /** @param {string[]} args */
  const apt = (...args) => run("apt-get", [...options, ...args], { cwd: state, maxBuffer: 1 << 26 });

  await apt("-qq", "update");
  const { stdout: plan } = await apt("--simulate", "--no-install-recommends", "install", "redis-tools");
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => String(name));
  await apt("-qq", "download", ...missing);
  const archives = readdirSync(state).filter((file) => file.endsWith(".deb"));
  for (const archive of archives) await run("dpkg-deb", ["-x", join(state, archive), packages]);
  rmSync(state, { recursive: true });

  symlinkSync("redis-check-rdb", join(packages, "usr/bin/redis-server"));
  const libraries = readdirSync(packages, { recursive: true, encoding: "utf8" }).filter((path) =>
    /\.so(\.|$)/.test(path),
  );
  const folders = [...new Set(libraries.map((path) => `$here/redis/${dirname(path)}`))];
  // The server comes last: findServer takes its presence for that of all.
  for (const tool of ["redis-cli", "redis-benchmark", "redis-server"]) {
    const wrapper = join(localFolder, "bin", tool);
    const lines = [
      "#!/bin/sh",
      'here=$(cd "$(dirname "$0")/.." && pwd)',
      `export LD_LIBRARY_PATH="${folders.join(":")}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
      `exec "$here/redis/usr/bin/${tool}" "$@"`,
    ];
    writeFileSync(wrapper, `${lines.join("\n")}\n`);
    chmodSync(wrapper, 0o755);
  }
}

/**
 * @param {string} file
 * @returns {string | undefined}
 */
function onPath(file) {
  const folders = (process.env.PATH || "").split(delimiter).concat("/opt/homebrew/bin", "/usr/local/bin", "/usr/bin");
  return folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
}

/** The nearest folder upward with a lock file: this file runs from local/ and, copied by the compiler, from local/dist/. */
function repositoryRoot() {
  let folder = __dirname;
  while (!existsSync(join(folder, "package-lock.json")) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

module.exports = { fetchServer, findServer, findTool, localFolder };
