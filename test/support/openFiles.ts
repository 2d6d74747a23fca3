// Limits of open files of running processes, and the way to skip what needs them where the system has no prlimit.
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "@jest/globals";

/** `test` where limits can be set; else a skipped `test`. */
export const testWithFileLimits = spawnSync("prlimit").error ? test.skip : test;

/** The lowest limit under which a process may keep all the files that it has open. */
export function openFiles(pid: number): number {
  return 1 + Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
}

/** How many files a process has open. */
export function openFileCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Sets a process's soft limit. @returns the way to set it back */
export function limitOpenFiles(pid: number, files: number): () => void {
  const set = (limit: string): string =>
    execFileSync("prlimit", ["--pid", String(pid), `--nofile=${limit}`], { encoding: "utf8" });
  const [before = ""] =
    execFileSync("prlimit", ["--pid", String(pid), "--nofile", "--noheadings", "--output=SOFT"], {
      encoding: "utf8",
    }).match(/\S+/) ?? [];
  set(`${files}:`);
  return () => set(`${before}:`);
}
