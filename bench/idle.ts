// What a client costs that is connected and says nothing: how much a proxy's own memory grows by, per client. What the
// kernel keeps for a socket is not in it.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { encodeRequest } from "@redis-on-fly/shim/dist/resp/encoder";
import { authentication } from "./credentials";
import type { Peer } from "./peers";
import { requireMemoryFigures, residentBytes } from "./residentMemory";

/** What a peer's idle clients cost. */
export interface IdleFigures {
  readonly peer: string;
  readonly clients: number;
  readonly bytesPerClient: number;
}

/** Clients that connect at the same time: fewer than what listeners let wait. */
const BURST = 100;
const WARM_UP_CLIENTS = 500;
/** Time for what is under way to end. */
const SETTLE_MS = 2_000;
const REPLY_TIMEOUT_MS = 10_000;

/**
 * Connects clients to each peer that is a process, one peer after the other; every client is authenticated and has had
 * one answer from Redis.
 *
 * @throws Error where the system does not tell a process's memory, or does not allow as many sockets
 */
export async function measureIdle(peers: readonly Peer[], clients: number): Promise<IdleFigures[]> {
  requireMemoryFigures();
  const figures: IdleFigures[] = [];
  for (const { name, url, pid } of peers) {
    if (pid === undefined) continue;
    await hold(url, WARM_UP_CLIENTS, () => Promise.resolve());
    await setTimeout(SETTLE_MS);
    const before = residentBytes(pid);
    await hold(url, clients, async () => {
      await setTimeout(SETTLE_MS);
      figures.push({ peer: name, clients, bytesPerClient: (residentBytes(pid) - before) / clients });
    });
  }
  return figures;
}

/** Does something while so many clients are connected. */
async function hold(url: string, clients: number, action: () => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  try {
    while (sockets.length < clients) {
      const burst = Array.from({ length: Math.min(BURST, clients - sockets.length) }, () => connectTo(url));
      sockets.push(...burst);
      await Promise.all(burst.map((socket) => introduce(socket, url)));
    }
    await action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Of ${clients} clients some could not connect (${reason}): where it is the limit of open files, raise it by ulimit -n.`,
      { cause },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function connectTo(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

async function introduce(socket: Socket, url: string): Promise<void> {
  for (const command of [authentication(url), ["GET", "idle"]]) {
    socket.write(encodeRequest(command));
    const [reply] = await once(socket, "data", { signal: AbortSignal.timeout(REPLY_TIMEOUT_MS) });
    if (String(reply).startsWith("-")) throw new Error(`${command[0]} was answered with ${reply}`);
  }
}
