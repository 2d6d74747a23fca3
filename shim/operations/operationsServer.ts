// Health and metrics over HTTP, on a port of their own: /live while the process runs, /ready while clients should be
// sent here, /metrics for Prometheus.
import { createServer, type Server } from "node:http";
import type { Server as NetServer } from "node:net";
import type { Logger } from "pino";
import type { Registry } from "prom-client";

const LOG_EVERY_MS = 1000;

/** What the operations port tells. */
export interface OperationsSources {
  readonly registry: Registry;
  /** Whether new clients should come here. */
  ready(): boolean;
}

/** Starts to listen. */
export async function startOperations(
  host: string,
  port: number,
  sources: OperationsSources,
  log: Logger,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = "text/plain; charset=utf-8"): void => {
      response.writeHead(status, { "content-type": type }).end(text);
    };
    switch (request.url) {
      case "/live":
        return answer(200, "live\n");
      case "/ready":
        return sources.ready()
          ? answer(200, "ready\n")
          : answer(503, "not ready: draining, or the cluster is away or a replica\n");
      case "/metrics":
        return void sources.registry.metrics().then(
          (text) => answer(200, text, sources.registry.contentType),
          (error: Error) => answer(500, `${error.message}\n`),
        );
      default:
        return answer(404, "try /live, /ready or /metrics\n");
    }
  });
  await listen(server, host, port, log);
  return server;
}

/**
 * Resolves once a server listens; rejects where it cannot, for instance because the port is taken. What keeps it from
 * accepting a connection later on, such as a lack of descriptors or memory, is logged.
 */
export function listen(server: NetServer, host: string, port: number, log: Logger, backlog = 511): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog }, () => {
      server.off("error", reject);
      let loggedAt = Number.NEGATIVE_INFINITY;
      server.on("error", ({ message }) => {
        // The kernel may offer the same connection over and over.
        if (performance.now() - loggedAt < LOG_EVERY_MS) return;
        loggedAt = performance.now();
        log.error({ reason: message, port: portOf(server) }, "cannot accept a connection");
      });
      resolve();
    });
  });
}

/** The port a server listens on. */
export function portOf(server: NetServer): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}
