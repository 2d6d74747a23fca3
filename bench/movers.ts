// Others that move large values, one after the other on each connection, until they are stopped.
import { Helper } from "./helper";
import { Pace } from "./pace";
import { schedule } from "./scheduling";
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
  const helper = await Helper.start(require.resolve("./mover"), "What moves large values");
  // The proxies may run in real time, so that other work does not count; what moves values is other work. Without the tool
  // it is scheduled like them.
  await schedule(helper.pid, "other", true);
  await helper.ask(order);
  return { takeMoved: async () => Number(await helper.ask("moved")), stop: () => helper.stop() };
};
