// What commands a running server has.
import Redis from "ioredis-6";
import type { Server } from "../../local/servers";
import {
  type CommandReplyEntry,
  type CommandSpecification,
  specificationsFrom,
} from "../../shim/commands/specification";

/** The commands of a server, as it tells them. */
export async function specificationsOf(server: Pick<Server, "url">): Promise<CommandSpecification[]> {
  const driver = new Redis(server.url, { protocol: 2, disconnectTimeout: 10 });
  try {
    return specificationsFrom((await driver.call("COMMAND")) as CommandReplyEntry[]);
  } finally {
    driver.disconnect();
  }
}
