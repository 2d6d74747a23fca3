// Others that move large values, one after the other on each connection, until they are stopped.
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { Pace } from "./pace";
import { ValueClient } from "./valueClient";

/** What is to be moved. */
export interface MoverOrder {
  readonly url: string;
  readonly command: "SET" | "GET";
  readonly valueBytes: number;
  readonly connections: number;
  /** Of each connection. @default as fast as it can */
  readonly bytesPerSecond?: number;
}

/** Movers at work. */
export interface Movers {
  /** Bytes that went since this was asked last, or since they began. */
  takeMoved(): Promise<number>;
  stop(): Promise<void>;
}

/** Begins to move; settles when the first bytes are about to go. */
export type StartMovers = (order: MoverOrder) => Promise<Movers>;

const run = promisify(execFile);

/** Moves in this process. @param onFailure told where one stops before it is told to */
export async function moveHere(
  { url, command, valueBytes, connections, bytesPerSecond }: MoverOrder,
  onFailure: (error: Error) => void = () => undefined,
): Promise<Movers> {
  let movedBytes = 0;
  let stopped = false;
  const clients: ValueClient[] = [];
  const move = async (client: ValueClient, key: string): Promise<void> => {
    const pace = bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond);
    const counted = {
      take: (bytes: number) => {
        movedBytes += bytes;
        return pace?.take(bytes);
      },
    };
    while (!stopped) {
      if (command === "SET") await client.set(key, valueBytes, counted);
      else await client.get(key, valueBytes, counted);
    }
  };
  const keyOf = (index: number): string => `large:${command}:${index}`;
  for (let index = 0; index < connections; index++) {
    const client = await ValueClient.connect(url);
    clients.push(client);
    if (command === "SET") continue;
    await client.set(keyOf(index), valueBytes);
    // A shim gives a reader its own way to Redis with its first large value. Read by one after the other, so that no two
    // share one at first: the slower of them would be cut off.
    await client.get(keyOf(index), valueBytes);
  }
  for (const [index, client] of clients.entries())
    move(client, keyOf(index)).catch((error: Error) => stopped || onFailure(error));
  return {
    takeMoved() {
      const taken = movedBytes;
      movedBytes = 0;
      return Promise.resolve(taken);
    },
    stop() {
      stopped = true;
      for (const client of clients) client.close();
      return Promise.resolve();
    },
  };
}

/** Moves in a process of its own, which says on stderr why it stops where nobody told it to. */
export const moveElsewhere: StartMovers = async (order) => {
  const child = fork(require.resolve("./mover"));
  const ended = once(child, "exit");
  const failed = ended.then(() => {
    throw new Error("Those that move large values have stopped.");
  });
  failed.catch(() => undefined);
  const answer = async (question: MoverOrder | "moved"): Promise<unknown> => {
    const [reply] = await Promise.race([once(child, "message"), failed, send(question)]);
    return reply;
  };
  const send = (message: MoverOrder | "moved"): Promise<never> =>
    new Promise((_, reject) => child.send(message, (error) => error && reject(error)));
  // The proxies may run in real time, so that other work does not count; what moves values is other work. Without the tool
  // it is scheduled like them.
  await run("chrt", ["--other", "--all-tasks", "--pid", "0", String(child.pid)]).catch(() => undefined);
  await answer(order);
  return {
    takeMoved: async () => Number(await answer("moved")),
    stop: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
};
