// When a lane waits for an instant before it looks for more.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { encodeRequest } from "../../shim/resp/encoder";
import { Lane, type LaneOptions } from "../../shim/upstream/lane";
import { Sink } from "../support/sink";

const onLinux = process.platform === "linux";
let connection: Socket;
let lane: Lane;
let pauses: jest.Spied<typeof Atomics.wait>;
let clock: jest.Spied<typeof performance.now>;
/** What the clock shows, which goes on by itself in no test. */
let nowMs = performance.now();
let port: number;
let stop: () => void;

function connectLane(options: Partial<LaneOptions> = {}): Promise<Lane> {
  const address = { host: "127.0.0.1", port, tls: false, user: undefined, password: undefined };
  return new Promise((resolve) => {
    new Lane(
      { address, protocol: 2, connectTimeoutMs: 5000, timeoutMs: 5000, ...options },
      { ready: resolve, lost() {}, large() {}, demoted() {}, push() {} },
    );
  });
}

beforeEach(async () => {
  // It answers the handshake, and then nothing unless the test does.
  const server = createServer((socket) => {
    connection = socket;
    socket.on("error", () => {}).once("data", () => socket.write("+PONG\r\n"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  ({ port } = server.address() as AddressInfo);
  lane = await connectLane();
  nowMs += 1000;
  clock = jest.spyOn(performance, "now").mockImplementation(() => nowMs);
  pauses = jest.spyOn(Atomics, "wait").mockReturnValue("timed-out");
  stop = () => {
    lane.destroy();
    connection.destroy();
    server.close();
  };
});

afterEach(() => {
  pauses.mockRestore();
  clock.mockRestore();
  stop();
});

function later(ms: number): void {
  nowMs += ms;
}

/** So many send something in one turn of the event loop. @returns how often the lane slept after it */
async function pausesAfter(clients: number, requestsEach = 1): Promise<number> {
  pauses.mockClear();
  for (let client = 0; client < clients; client += 1) {
    const sink = new Sink();
    for (let request = 0; request < requestsEach; request += 1) {
      lane.expect(sink, 1);
      lane.write(encodeRequest(["PING"]));
    }
  }
  await turn();
  await turn();
  return pauses.mock.calls.length;
}

test("few clients never wait for others, however much each of them sends", async () => {
  expect(await pausesAfter(1)).toBe(0);
  expect(await pausesAfter(18, 100)).toBe(0);
});

test("nor do clients whose requests alternate", async () => {
  const sinks = [new Sink(), new Sink()];
  for (const requests of [100, 1]) {
    for (let request = 0; request < requests; request += 1) {
      for (const sink of sinks) lane.expect(sink, 1);
      lane.write(encodeRequest(["PING"]));
    }
    await turn();
    later(1);
  }
  expect(pauses.mock.calls).toEqual([]);
});

test("where it is told not to, it never waits", async () => {
  const own = await connectLane({ coalesce: false });
  for (let client = 0; client < 25; client += 1) own.expect(new Sink(), 1);
  own.write(encodeRequest(["PING"]));
  await turn();
  await turn();
  expect(pauses.mock.calls).toEqual([]);
  own.destroy();
});

test("while many wait for the server, a turn that brought few is followed by a pause, one that brought many is not", async () => {
  expect(await pausesAfter(20)).toBe(onLinux ? 1 : 0);
  later(1);
  expect(await pausesAfter(1)).toBe(onLinux ? 1 : 0);
  later(1);
  expect(await pausesAfter(32)).toBe(0);
});

test("no second pause follows at once, as for another lane, and none for a while after one that took long", async () => {
  await pausesAfter(20);
  expect(await pausesAfter(1)).toBe(0);
  later(1);
  pauses.mockImplementation(() => {
    later(2);
    return "timed-out";
  });
  expect(await pausesAfter(1)).toBe(onLinux ? 1 : 0);
  later(50);
  expect(await pausesAfter(1)).toBe(0);
  later(51);
  expect(await pausesAfter(1)).toBe(onLinux ? 1 : 0);
});

test("once the server has answered there is nothing to wait for", async () => {
  await pausesAfter(20);
  connection.write("+PONG\r\n".repeat(20));
  while (lane.busy) await turn();
  expect(await pausesAfter(1)).toBe(0);
});
