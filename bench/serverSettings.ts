// Settings of a running server, changed while it runs.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findTool } from "@redis-on-fly/local/dist/serverBinary";
import type { Server } from "@redis-on-fly/local/dist/servers";
import { UnavailableError } from "./proxies";

const run = promisify(execFile);

/** @throws UnavailableError where there is no redis-cli, or the server refuses */
export async function configure(server: Server, settings: Readonly<Record<string, string>>): Promise<void> {
  const tool = findTool("redis-cli");
  if (!tool) throw new UnavailableError("redis-cli is not installed (Debian: apt install redis-tools)");
  const args = ["-u", server.url, "--no-auth-warning", "CONFIG", "SET", ...Object.entries(settings).flat()];
  const { stdout } = await run(tool, args);
  if (stdout.trim() !== "OK") throw new UnavailableError(`the server does not take its settings: ${stdout.trim()}`);
}
