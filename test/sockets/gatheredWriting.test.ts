// What is written in one turn of the event loop goes out in one piece, in order, although its memory is used again at once.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { GatheredWriter } from "../../shim/sockets/gatheredWriting";

const KB = 1024;
const server = createServer();
let socket: Socket;
let reader: Socket;
let writer: GatheredWriter;

beforeEach(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const accepted = once(server, "connection");
  socket = connect({ port, host: "127.0.0.1", noDelay: true });
  [reader] = (await accepted) as [Socket];
  if (socket.connecting) await once(socket, "connect");
  writer = new GatheredWriter(socket);
});

afterEach(() => {
  for (const each of [socket, reader]) each.destroy();
  server.close();
});

test("pieces of one turn come as one", async () => {
  const memory = Buffer.alloc(1);
  for (const letter of "abc") writer.write(memory.fill(letter));
  expect(String((await once(reader, "data"))[0])).toBe("abc");
  writer.write(memory.fill("d"));
  expect(String((await once(reader, "data"))[0])).toBe("d");
});

test("pieces too large to be gathered keep their place", async () => {
  const expected: Buffer[] = [];
  for (const [at, length] of [1, 60 * KB, 10 * KB, 200 * KB, 1, 64 * KB, 1, 65 * KB].entries()) {
    const memory = Buffer.alloc(length, at);
    expected.push(Buffer.from(memory));
    writer.write(memory);
    memory.fill(255);
  }
  setImmediate(() => setImmediate(() => socket.end()));
  const received: Buffer[] = [];
  for await (const chunk of reader) received.push(chunk as Buffer);
  expect(Buffer.concat(received).equals(Buffer.concat(expected))).toBe(true);
});

test("what is forgotten does not go out, and what follows does", async () => {
  writer.write(Buffer.from("a"));
  writer.clear();
  await new Promise((resolve) => setImmediate(resolve));
  writer.write(Buffer.from("b"));
  expect(String((await once(reader, "data"))[0])).toBe("b");
});
