// Health and metrics over HTTP, on a port of their own: /live while the process runs, /ready while clients should be
// sent here, /metrics for Prometheus.
import { createServer, type Server } from "node:http";
import type { Server as NetServer } from "node:net";
import type { Registry } from "prom-client";

/** What the operations port tells. */
export interface OperationsSources {
  readonly registry: Registry;
  /** Whether new clients should come here. */
  ready(): boolean;
}

/** Starts to listen. */
export async function startOperations(host: string, port: number, sources: OperationsSources): Promise<Server> {
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
  await listen(server, host, port);
  return server;
}

/** Resolves once a server listens; rejects where it cannot, for instance because the port is taken. */
export function listen(server: NetServer, host: string, port: number, backlog = 511): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** The port a server listens on. */
export function portOf(server: NetServer): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}
