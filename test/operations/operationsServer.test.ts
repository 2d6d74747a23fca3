import { once } from "node:events";
import { connect, createServer } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { listen, portOf } from "../../shim/operations/operationsServer";

const server = createServer((socket) => socket.end("welcome"));
const lines: string[] = [];
const log = pino({}, { write: (line: string) => lines.push(line) });

afterEach(() => {
  server.close();
});

test("a server that cannot accept a connection says so, not too often, and accepts the next one", async () => {
  await listen(server, "127.0.0.1", 0, log);
  // As Node.js emits it where the kernel has no memory or the process no descriptor left.
  for (let times = 0; times < 100; times++) server.emit("error", new Error("accept ENOBUFS"));
  expect(lines).toEqual([expect.stringContaining("accept ENOBUFS")]);
  const [welcome] = await once(connect(portOf(server), "127.0.0.1"), "data");
  expect(String(welcome)).toBe("welcome");
});

test("a port that is taken is an error", async () => {
  const other = createServer();
  await listen(other, "127.0.0.1", 0, log);
  await expect(listen(server, "127.0.0.1", portOf(other), log)).rejects.toThrow("EADDRINUSE");
  other.close();
});
