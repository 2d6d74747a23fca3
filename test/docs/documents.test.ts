// The documentation says what the code says, and leads nowhere that is not there.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Registry } from "prom-client";
import { generatedDocuments, kindOf, regenerate } from "../../docs/generate";
import { commandLine } from "../../local/options";
import { packagedSpecifications } from "../../shim/commands/specification";
import { Figures } from "../../shim/replication/figures";
import type { ReplayOutcome } from "../../shim/replication/replayOutcome";
import { specificationsOf } from "../support/commands";
import { describeWithServer, Server } from "../support/servers";

const root = resolve(__dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const markdown = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const documents = [...markdown("."), ...markdown("docs")];

test.each(generatedDocuments)("%s has the generated parts that the code has; else npm run docs", (name) => {
  const text = read(`docs/${name}`);
  expect(text).toBe(regenerate(text));
});

test("the README has every option of npm start, with its default", () => {
  const idle = async (): Promise<void> => {};
  const { options } = commandLine({ start: idle, exec: idle });
  const rows = read("README.md")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.replaceAll("`", "").trim()));
  const documented = new Map(rows.map(([, flags, , value]) => [flags, value]));
  expect(options.length).toBeGreaterThan(5);
  for (const { flags, defaultValue } of options) {
    expect([flags, documented.get(flags)]).toEqual([flags, defaultValue ?? expect.any(String)]);
  }
});

test("docs/configuration.md has every outcome that commands are counted by", async () => {
  const registry = new Registry();
  const figures = new Figures("00000000", { commands: 0, bytes: 0 }, () => [], registry);
  const errors = [{ error: "ERR", name: "INCR", stamp: "" }] as unknown as ReplayOutcome["errors"];
  figures.replayed("bus", {
    applied: 1,
    stale: 1,
    unordered: 0,
    errors,
    doubts: new Map([["late", 1]]),
  } as ReplayOutcome);
  const { values } = await registry.getSingleMetric("redis_on_fly_replayed_commands_total")!.get();
  const counted = values.map(({ labels }) => labels.outcome);
  const [, documented = ""] = /and `outcome` \((.*?)\)\./s.exec(read("docs/configuration.md"))!;
  expect([...documented.matchAll(/`(\w+)`/g)].map(([, outcome]) => outcome).sort()).toEqual(counted.sort());
});

describe.each(documents)("%s", (path) => {
  const text = read(path);

  test("has links to files and headings that are there", () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const broken = links.filter((link) => {
      const [file = "", heading] = link.split("#");
      const target = file ? join(root, dirname(path), file) : join(root, path);
      return !existsSync(target) || (heading !== undefined && !anchorsOf(readFileSync(target, "utf8")).has(heading));
    });
    expect(broken).toEqual([]);
  });

  test("names npm scripts that there are", () => {
    const scripts = Object.keys(JSON.parse(read("package.json")).scripts);
    const named = [...text.matchAll(/npm run ([a-z]+)/g)].map(([, name]) => name);
    expect(scripts).toEqual(expect.arrayContaining(named));
  });

  test("has lines of at most 120 characters, tables apart", () => {
    expect(text.split("\n").filter((line) => line.length > 120 && !line.startsWith("|"))).toEqual([]);
  });
});

describeWithServer("a server", () => {
  test("says of its commands what the documented list does", async () => {
    const server = await Server.start();
    try {
      const documented = new Map(packagedSpecifications().map((command) => [command.name, kindOf(command)]));
      // Valkey has commands of its own; what the list lacks follows from its flags.
      const said = (await specificationsOf(server)).filter(({ name }) => documented.has(name));
      expect(said.map((command) => [command.name, kindOf(command)])).toEqual(
        said.map(({ name }) => [name, documented.get(name)]),
      );
      expect(said.length).toBeGreaterThan(200);
    } finally {
      await server.stop();
    }
  });
});

/** As GitHub makes them from headings. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}
