// @ts-check
// Where the Redis and Valkey servers of this machine are, and how to get them without root, without starting a service and
// without touching anything outside the folder .local. Plain JavaScript: it runs before anything is installed.
const { execFile, execFileSync } = require("node:child_process");
const {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require("node:fs");
const { basename, delimiter, dirname, join } = require("node:path");
const { promisify } = require("node:util");

const run = promisify(execFile);

/**
 * A server program.
 * @typedef {object} ServerProgram
 * @property {string} command file to execute
 * @property {string} [argv0] name to run it under, where the file bears another one
 */

/** @typedef {"redis" | "valkey"} Kind */

/** The folder, ignored by git, in which this checkout keeps what it fetched and what runs. */
const localFolder = join(repositoryRoot(), ".local");

/** Where apt works while something is fetched. */
const aptFolder = join(localFolder, "apt");

/** @type {readonly Kind[]} */
const kinds = ["redis", "valkey"];

/**
 * The server programs of this machine, the one to use first: the one that REDIS_SERVER names, those on the PATH, those
 * that were fetched.
 * @returns {ServerProgram[]}
 */
function findServers() {
  const paths = [
    process.env.REDIS_SERVER,
    ...kinds.map((kind) => onPath(`${kind}-server`)),
    ...kinds.map((kind) => onPath(`${kind}-check-rdb`)),
    ...kinds.map((kind) => join(localFolder, "bin", `${kind}-server`)).filter((path) => existsSync(path)),
  ];
  return paths.flatMap((path) => (path ? [programAt(path)] : []));
}

/** @returns {ServerProgram | undefined} the server to use */
function findServer() {
  return findServers()[0];
}

/**
 * What a server program calls itself, such as `Redis 7.0.15` or `Valkey 8.0.1`.
 * @param {ServerProgram} program
 * @returns {string}
 */
function serverVersion({ command, argv0 }) {
  const said = execFileSync(command, ["--version"], { encoding: "utf8", ...(argv0 && { argv0 }) });
  const [, name, version] = /^(\w+) server v=(\S+)/.exec(said) || [];
  return name ? `${name} ${version}` : said.trim();
}

/**
 * redis-check-rdb is the server under another name, in a package that starts no service: one program, three faces by
 * argv[0]. So is Valkey's.
 * @param {string} command
 * @returns {ServerProgram}
 */
function programAt(command) {
  const [, kind] = /^(redis|valkey)-check-rdb$/.exec(basename(command)) || [];
  return kind ? { command, argv0: `${kind}-server` } : { command };
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
 * Sees to it that there is a server, which Debian, Ubuntu and macOS have.
 * @param {(line: string) => void} say
 * @param {boolean} [both] whether both kinds are wanted: the other one as well where Debian or Ubuntu has it
 * @returns {Promise<void>}
 * @throws {Error} where there is none and none can be had; the message tells what to install
 */
async function provideServers(say, both = false) {
  try {
    if (!findServer()) await fetchServer(say);
    if (both) await fetchOtherServer(say);
  } finally {
    rmSync(aptFolder, { recursive: true, force: true });
  }
}

/** @param {(line: string) => void} say */
async function fetchServer(say) {
  try {
    if (hasApt()) {
      await fetchDebianPackage("redis", say);
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

/**
 * Tried once, and never an error.
 * @param {(line: string) => void} say
 */
async function fetchOtherServer(say) {
  const found = findServers().map(({ command, argv0 }) => argv0 || basename(command));
  const missing = kinds.find((kind) => !found.includes(`${kind}-server`));
  if (!missing || !hasApt() || existsSync(join(localFolder, missing))) return;
  try {
    await fetchDebianPackage(missing, say);
  } catch (error) {
    say(
      `${String(error).trim()}\nTests on ${missing} are skipped; without the folder .local/${missing} it is tried again.`,
    );
  }
}

function hasApt() {
  return process.platform === "linux" && onPath("apt-get") && onPath("dpkg-deb");
}

/**
 * Unpacks redis-tools or valkey-tools, and whatever it needs that this machine lacks.
 * @param {Kind} kind
 * @param {(line: string) => void} say
 */
async function fetchDebianPackage(kind, say) {
  say(`fetching ${kind}-tools into .local (nothing is installed on the machine) …`);
  const packages = join(localFolder, kind);
  const archives = join(aptFolder, kind);
  rmSync(packages, { recursive: true, force: true });
  for (const folder of [packages, archives, join(localFolder, "bin")]) mkdirSync(folder, { recursive: true });
  const options = await aptOptions();
  /** @param {string[]} args */
  const apt = (...args) => run("apt-get", [...options, ...args], { cwd: archives, maxBuffer: 1 << 26 });
  const { stdout: plan } = await apt("--simulate", "--no-install-recommends", "install", `${kind}-tools`);
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, name]) => String(name));
  await apt("-qq", "download", ...missing);
  for (const archive of readdirSync(archives)) await run("dpkg-deb", ["-x", join(archives, archive), packages]);

  symlinkSync(`${kind}-check-rdb`, join(packages, `usr/bin/${kind}-server`));
  const libraries = readdirSync(packages, { recursive: true, encoding: "utf8" }).filter((path) =>
    /\.so(\.|$)/.test(path),
  );
  const folders = [...new Set(libraries.map((path) => `$here/${kind}/${dirname(path)}`))];
  // The server comes last: findServers takes its presence for that of all.
  for (const tool of ["cli", "benchmark", "server"].map((name) => `${kind}-${name}`)) {
    const wrapper = join(localFolder, "bin", tool);
    const lines = [
      "#!/bin/sh",
      'here=$(cd "$(dirname "$0")/.." && pwd)',
      `export LD_LIBRARY_PATH="${folders.join(":")}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`,
      `exec "$here/${kind}/usr/bin/${tool}" "$@"`,
    ];
    writeFileSync(wrapper, `${lines.join("\n")}\n`);
    chmodSync(wrapper, 0o755);
  }
}

/** For an apt whose state is private to us, and up to date. */
async function aptOptions() {
  const options = [
    `Dir::Etc::SourceList=${join(aptFolder, "sources.list")}`,
    `Dir::State::lists=${join(aptFolder, "lists")}`,
    `Dir::Cache=${join(aptFolder, "cache")}`,
    // Root's apt would else download as a user that may not write here.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  if (existsSync(join(aptFolder, "lists"))) return options;
  for (const folder of ["lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(aptFolder, folder), { recursive: true });
  }
  writeFileSync(join(aptFolder, "sources.list"), await sourcesWithBackports());
  await run("apt-get", [...options, "-qq", "update"]);
  return options;
}

/** This machine's list of sources; for Debian 12, which has Valkey among its backports, with those of its own mirror. */
async function sourcesWithBackports() {
  const [list = ""] = ["/etc/apt/sources.list"].filter(existsSync).map((file) => readFileSync(file, "utf8"));
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]);
  const [, site] = /^(\S+) bookworm$/m.exec(stdout) || [];
  return site ? `${list}\ndeb ${site} bookworm-backports main\n` : list;
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

module.exports = { findServer, findServers, findTool, localFolder, provideServers, serverVersion };
