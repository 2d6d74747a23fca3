// What is written arrives whole and in order, although its memory is used again at once.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "@jest/globals";
import { DirectWriter } from "../../shim/sockets/directWriting";

test("memory may be used again at once, also where the reader is slow or not yet there", async () => {
  const server = createServer({ pauseOnConnect: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as { port: number };
  const writer = connect(port, "127.0.0.1");
  const direct = new DirectWriter(writer);
  const memory = Buffer.alloc(300_000);
  const rounds = 40;
  for (let round = 0; round < rounds; round++) {
    // The first is written before there is a connection.
    if (round === 1) await once(writer, "connect");
    direct.write(memory.fill(round));
  }
  memory.fill(255);
  expect(writer.writableLength).toBeGreaterThan(0);
  writer.end();

  const [reader] = (await accepted) as [Socket];
  const chunks: Buffer[] = [];
  for await (const chunk of reader) chunks.push(chunk as Buffer);
  const expected = Array.from({ length: rounds }, (_, round) => Buffer.alloc(memory.length, round));
  expect(Buffer.concat(chunks).equals(Buffer.concat(expected))).toBe(true);
  server.close();
});
