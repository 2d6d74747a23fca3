import { expect } from "@jest/globals";
import { pino } from "pino";
import { affordableClients } from "../../shim/session/capacity";
import { limitOpenFiles, testWithFileLimits } from "../support/openFiles";

testWithFileLimits("no more clients are allowed than descriptors, and one line of log says so", () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const restore = limitOpenFiles(process.pid, 1000);
  try {
    expect(affordableClients(900, log)).toBe(900);
    expect(lines).toEqual([]);
    expect(affordableClients(10_000, log)).toBe(904);
    expect(lines).toEqual([expect.stringContaining("raise it to 10096 by ulimit -n")]);
  } finally {
    restore();
  }
});
