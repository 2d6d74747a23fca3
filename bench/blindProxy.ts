// The least that a proxy on Node.js can do with redis-benchmark's GET and SET of 64 B at pipeline 16: it reads and writes as
// the shim does, and gathers many clients' requests as the shim does, but reads no RESP. Commands are counted by reads,
// their replies by bytes. What the shim costs more than this is its own work; what this costs more than a proxy in C is
// Node.js. For measuring alone: it takes any client, and anything else that it is sent breaks it.

import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { DirectWriter } from "@redis-on-fly/shim/dist/sockets/directWriting";
import { GatheredWriter } from "@redis-on-fly/shim/dist/sockets/gatheredWriting";
import { readAccepted, sharedReading } from "@redis-on-fly/shim/dist/sockets/sharedReading";
import { pauseForMore } from "@redis-on-fly/shim/dist/upstream/coalescing";
import { answerParent, Helper } from "./helper";
import type { RunningProxy, Upstream } from "./proxies";

const PIPELINE = 16;
const OK = "+OK\r\n";
/** Of the replies to one pipeline. */
const replyBytes = {
  SET: PIPELINE * OK.length,
  GET: PIPELINE * `$64\r\n${"x".repeat(64)}\r\n`.length,
};

/** Starts it in a process of its own. */
export async function startBlindProxy({ port: upstreamPort, password }: Upstream): Promise<RunningProxy> {
  const helper = await Helper.start(__filename, "The blind proxy");
  const port = (await helper.ask({ port: upstreamPort, password })) as number;
  return { port, pid: helper.pid, version: `Node.js ${process.versions.node}`, stop: () => helper.stop() };
}

/** A client's pipeline that the server has not answered whole. */
interface Waiting {
  readonly writer: DirectWriter;
  left: number;
}

/** Starts it in this process. */
export async function serveBlindly({ port, password }: Pick<Upstream, "port" | "password">) {
  const waiting: Waiting[] = [];
  let added = 0;
  const lane = connect({ port, host: "127.0.0.1", noDelay: true, onread: sharedReading(distribute) });
  lane.write(encodeRequest(["AUTH", password]));
  let authenticated = false;
  const upstream = new GatheredWriter(lane, () => {
    pauseForMore(waiting.length, added);
    added = 0;
  });

  function distribute(replies: Buffer): void {
    for (let at = authenticated ? 0 : OK.length; at < replies.length; ) {
      const [first] = waiting;
      if (!first) throw new Error("the server answers what nobody asked");
      const end = Math.min(at + first.left, replies.length);
      first.writer.write(replies, at, end);
      first.left -= end - at;
      at = end;
      if (first.left === 0) waiting.shift();
    }
    authenticated = true;
  }

  const server = createServer({ noDelay: true }, (accepted) => {
    const socket = readAccepted(accepted, (bytes) => {
      const command = bytes.toString("latin1", 8, 11);
      if (command === "GET" || command === "SET") {
        upstream.write(bytes);
        waiting.push({ writer, left: replyBytes[command] });
        added++;
        return;
      }
      // AUTH comes with a client's first pipeline; redis-benchmark's questions about the server may fail.
      const text = bytes.toString("latin1");
      writer.write(Buffer.from(text.includes("CONFIG") ? "-ERR\r\n" : OK.repeat(text.split("*").length - 1)));
    });
    const writer = new DirectWriter(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const stop = (): void => {
    server.close();
    lane.destroy();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

if (require.main === module) answerParent(async (question) => (await serveBlindly(question as Upstream)).port);
