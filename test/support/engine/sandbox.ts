// Where the real Pulumi engine runs in tests: a backend, a home and a copy of the project in a temporary folder, and a
// stand-in for the AWS provider. Nothing of it touches the working tree, the user's Pulumi, or a cloud.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import type { LocalWorkspaceOptions } from "@pulumi/pulumi/automation";

const repository = resolve(__dirname, "../../..");

/** The pack, for `policyPacks`. */
export const policyPack = join(repository, "policies");

/** A program that the engine needs and that is not on PATH; undefined where all are. */
export const missingProgram = ["pulumi", "pulumi-language-nodejs"].find(
  (program) => spawnSync(program, ["--help"], { stdio: "ignore" }).error,
);

export interface Sandbox {
  /** For `LocalWorkspace`, whatever the program. */
  readonly options: LocalWorkspaceOptions;
  /** A copy of this repository's program, since the engine writes into the stack's file. */
  readonly projectDirectory: string;
  /** What the engine has stored of a stack of the project, as it lies on the disk. */
  stateOf(stackName: string): string;
  remove(): void;
}

/** Makes a sandbox; remove it afterwards. */
export function makeSandbox(): Sandbox {
  const root = mkdtempSync(join(tmpdir(), "redis-on-fly-engine-"));
  const projectDirectory = join(root, "project");
  // The image's tag is made of all that the image is made of.
  for (const part of ["infra", "shim"]) copy(part, projectDirectory);
  for (const part of readdirSync(repository).filter((file) => /\.(json|yaml)$/.test(file)))
    copy(part, projectDirectory);
  symlinkSync(join(repository, "node_modules"), join(projectDirectory, "node_modules"));
  const backend = join(root, "backend");
  mkdirSync(backend);
  return {
    options: {
      pulumiHome: join(root, "home"),
      envVars: {
        PATH: [__dirname, process.env.PATH].join(delimiter),
        PULUMI_BACKEND_URL: `file://${backend}`,
        PULUMI_CONFIG_PASSPHRASE: "none",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        // A checkpoint after every resource takes most of the time, and nothing here fails halfway.
        PULUMI_EXPERIMENTAL: "true",
        PULUMI_SKIP_CHECKPOINTS: "true",
        // Types are checked by `npm run check`.
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        TS_NODE_TRANSPILE_ONLY: "true",
        // Pulumi notes where each promise was made, and looks every line of that up in source maps.
        NODE_OPTIONS: "--stack-trace-limit=0",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
    },
    projectDirectory,
    stateOf: (stackName) => readFileSync(join(backend, ".pulumi/stacks/redis-on-fly", `${stackName}.json`), "utf8"),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function copy(part: string, directory: string): void {
  const filter = (file: string) => !/(node_modules|shim\/dist)$/.test(file);
  cpSync(join(repository, part), join(directory, part), { recursive: true, filter });
}
