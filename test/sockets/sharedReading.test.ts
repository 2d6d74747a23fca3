// Accepted connections are read into memory that all of them share, and behave as ever otherwise.
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, expect, test } from "@jest/globals";
import { readAccepted } from "../../shim/sockets/sharedReading";
import { eventually } from "../support/eventually";

const sockets: Socket[] = [];
let server: Server | undefined;

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

async function listen(onSocket: (accepted: Socket) => void): Promise<() => Socket> {
  server = createServer({ allowHalfOpen: true }, onSocket);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  return () => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    return socket;
  };
}

test("connections share one buffer; pauses, halves and errors are those of any socket", async () => {
  const memories = new Set<ArrayBufferLike>();
  const texts = new Map<Socket, string>();
  const open = await listen((accepted) => {
    const socket: Socket = readAccepted(accepted, (bytes) => {
      memories.add(bytes.buffer);
      const text = (texts.get(socket) ?? "") + bytes.toString();
      texts.set(socket, text);
      if (text.endsWith("wait")) socket.pause();
    });
    sockets.push(socket);
    texts.set(socket, "");
    socket.on("error", () => texts.set(socket, "error"));
    socket.on("end", () => socket.end("bye"));
  });
  const [one, two, broken] = [open(), open(), open()];
  one.write("one");
  two.write("two, wait");
  await eventually(() => expect([...texts.values()].sort()).toEqual(["", "one", "two, wait"]));
  expect(memories.size).toBe(1);

  two.write(" and on");
  one.end(" more");
  expect(String((await once(one, "data"))[0])).toBe("bye");
  await once(one, "end");
  expect([...texts.values()].sort()).toEqual(["", "one more", "two, wait"]);

  for (const socket of texts.keys()) socket.resume();
  await eventually(() => expect([...texts.values()].sort()).toEqual(["", "one more", "two, wait and on"]));
  broken.resetAndDestroy();
  await eventually(() => expect([...texts.values()]).toContain("error"));
});

test("a socket that cannot be taken over is read as it is", async () => {
  const socket = new PassThrough() as unknown as Socket;
  const texts: string[] = [];
  expect(readAccepted(socket, (bytes) => texts.push(bytes.toString()))).toBe(socket);
  socket.write("text");
  await eventually(() => expect(texts).toEqual(["text"]));
});
