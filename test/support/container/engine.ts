// Docker or Podman, whichever answers, and the base of images: Docker Hub's, or one of this machine's own Node.js where no
// registry is reached. Building takes longer than all other tests together, so that it must be asked for by name.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const engine = ["docker", "podman"].find((program) => spawnSync(program, ["info"], { stdio: "ignore" }).status === 0);

/** Why nothing can be built; undefined where it can. */
export const whyNoImage = reasonAgainstBuilding();

/** For `docker run` and the like. */
export const engineCommand = engine ?? "docker";

/** Runs a command of the engine. @returns what it prints */
export function runEngine(...args: readonly string[]): string {
  return execFileSync(engineCommand, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Builds an image out of a folder. Podman's own format has no health checks. */
export function buildImage(tag: string, folder: string, ...args: readonly string[]): void {
  const format = engine === "podman" ? ["--format", "docker"] : [];
  // The host's network has the same way to npm's registry as this process.
  runEngine("build", "--quiet", "--network", "host", ...format, "--tag", tag, ...args, folder);
}

/** The base of the shim's image: what NODE_IMAGE names, `node:24-slim` by default, or a stand-in. It stays for the next time. */
export function baseImage(): string {
  const wanted = process.env.NODE_IMAGE ?? "node:24-slim";
  if ([["image", "inspect"], ["pull"]].some((args) => succeeds(...args, wanted))) return wanted;
  console.warn(`${wanted} is not to be had: Node.js ${process.version} of this machine stands in for it.`);
  const standIn = "redis-on-fly-base:test";
  buildFromThisMachine(standIn);
  return standIn;
}

function reasonAgainstBuilding(): string | undefined {
  if (process.env.npm_lifecycle_event !== "test:container") return "`npm run test:container` runs them";
  return engine ? undefined : "neither Docker nor Podman answers";
}

function succeeds(...args: readonly string[]): boolean {
  return spawnSync(engineCommand, args, { stdio: "ignore" }).status === 0;
}

/** What a build runs: Node.js, npm and a shell, with the libraries that they load. */
function buildFromThisMachine(tag: string): void {
  const folder = mkdtempSync(join(tmpdir(), "redis-on-fly-base-"));
  const put = (from: string, to: string) =>
    cpSync(realpathSync(from), join(folder, to), { recursive: true, dereference: true });
  const programs = { "/usr/local/bin/node": process.execPath, "/bin/sh": "/bin/sh", "/usr/bin/env": "/usr/bin/env" };
  try {
    for (const [path, program] of Object.entries(programs)) {
      put(program, path);
      const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/\/\S+/g);
      for (const [library] of libraries) put(library, library);
    }
    put(join(dirname(process.env.npm_execpath ?? ""), ".."), "/usr/local/lib/npm");
    symlinkSync("../lib/npm/bin/npm-cli.js", join(folder, "usr/local/bin/npm"));
    const certificates = process.env.NODE_EXTRA_CA_CERTS;
    if (certificates) put(certificates, "/etc/certificates.pem");
    mkdirSync(join(folder, "tmp"), { mode: 0o1777 });
    writeFileSync(
      join(folder, "Dockerfile"),
      "FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/bin:/bin NODE_EXTRA_CA_CERTS=/etc/certificates.pem\n",
    );
    buildImage(tag, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
