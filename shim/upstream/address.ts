// How a connection to the cluster is opened, for lanes and for drivers alike.
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { RedisOptions } from "ioredis";
import type { ClusterAddress } from "../configuration";

/** The name by which a server is asked for its certificate, which must not be an address. */
export function tlsOptions(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** Options of a driver's connection to the cluster: it keeps trying, and re-resolves the name each time. */
export function driverOptions({ host, port, tls, user, password }: ClusterAddress) {
  return {
    host,
    port,
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: tlsOptions(host) } : {}),
    lazyConnect: true,
    // Nothing is asked of a connection that is being closed; its timer would keep a stopped process alive.
    disconnectTimeout: 100,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempts: number) => Math.min(2000, 50 * attempts),
  } satisfies RedisOptions;
}
