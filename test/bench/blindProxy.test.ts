// The proxy that shows what Node.js alone costs: it must at least give what Redis gives.
import { expect, test } from "@jest/globals";
import { serveBlindly } from "../../bench/blindProxy";
import { RawClient } from "../support/rawClient";
import { describeWithServer, Server } from "../support/servers";

describeWithServer("a proxy that reads no RESP", () => {
  test("gives several clients' pipelines of sixteen what Redis gives", async () => {
    const server = await Server.start();
    const { password } = new URL(server.url);
    const proxy = await serveBlindly({ port: server.port, password });
    const url = `redis://:${password}@127.0.0.1:${proxy.port}`;
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.connect(url)));
    try {
      const value = "x".repeat(64);
      const pipeline = (...words: string[]): string[][] => Array(16).fill(words);
      for (const client of clients) client.send(...pipeline("SET", "key", value));
      for (const client of clients) expect(await client.take(16)).toEqual(Array(16).fill("+OK\r\n"));
      for (const client of clients) client.send(...pipeline("GET", "key"));
      for (const client of clients) expect(await client.take(16)).toEqual(Array(16).fill(`$64\r\n${value}\r\n`));
    } finally {
      for (const client of clients) client.close();
      proxy.stop();
      await server.stop();
    }
  });
});
