// The shim's own conversation with a cluster whose host goes without a word, as after a failover.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { Control } from "../../shim/upstream/control";
import { eventually } from "../support/eventually";
import { describeWithServer, Server } from "../support/servers";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Passes bytes on to a server, until what is connected by then is frozen. @returns its port and the way to freeze */
async function relayTo(server: Server): Promise<{ port: number; freeze: () => void }> {
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far).pipe(near);
  });
  await once(relay.listen(0, "127.0.0.1"), "listening");
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  const freeze = (): void => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  return { port: (relay.address() as { port: number }).port, freeze };
}

describeWithServer("the control connection", () => {
  test("learns the cluster's commands and name, and is made anew when the cluster falls silent", async () => {
    const server = await Server.start();
    stops.push(() => server.stop());
    const { port, freeze } = await relayTo(server);
    const { password } = new URL(server.url);
    const learned: string[][] = [];
    const address = { host: "127.0.0.1", port, tls: false, user: undefined, password };
    const control = new Control(address, 200, pino({ level: "silent" }), (commands) =>
      learned.push(commands.map(({ name }) => name)),
    );
    stops.push(() => control.stop());
    await control.start();
    await eventually(() => expect(learned).toEqual([expect.arrayContaining(["GET", "BLPOP"])]));
    await eventually(() => expect(control.identity).not.toEqual({ server: "redis", version: "7.0.0" }));
    freeze();
    await expect(control.info([])).rejects.toThrow();
    await eventually(async () => expect(await control.info(["server"])).toContain("redis_version"));
    await eventually(() => expect(learned).toHaveLength(2));
  });
});
