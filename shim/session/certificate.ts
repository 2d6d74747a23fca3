// The certificate with which clients are met by TLS. A renewed one is taken without a restart: new connections get it, open
// ones keep theirs.
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { ServerOpts, Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server } from "node:tls";
import type { Logger } from "pino";

const LOOK_EVERY_MS = 10_000;

export class Certificate {
  private readonly servers: Server[] = [];
  private context: SecureContextOptions;

  /** @throws Error where a file cannot be read */
  constructor(
    private readonly certificateFile: string,
    private readonly keyFile: string,
    private readonly log: Logger,
  ) {
    this.context = this.read();
    // Polled, since what renews certificates replaces files and links, which the events of a directory tell badly.
    for (const file of [certificateFile, keyFile]) {
      watchFile(file, { interval: LOOK_EVERY_MS, persistent: false }, () => this.renew());
    }
  }

  createServer(options: ServerOpts, onClient: (socket: Socket) => void): Server {
    const server = createServer({ ...options, ...this.context, minVersion: "TLSv1.2" }, onClient);
    server.on("tlsClientError", (error) => this.log.debug({ reason: error.message }, "a TLS handshake failed"));
    this.servers.push(server);
    return server;
  }

  /** Takes what the files hold now; where that is no certificate the old one stays. */
  renew(): void {
    try {
      const context = this.read();
      for (const server of this.servers) server.setSecureContext({ ...context, minVersion: "TLSv1.2" });
      this.context = context;
      this.log.info({ file: this.certificateFile }, "took a new certificate");
    } catch (error) {
      this.log.error({ reason: (error as Error).message }, "the new certificate cannot be used, the old one stays");
    }
  }

  stop(): void {
    for (const file of [this.certificateFile, this.keyFile]) unwatchFile(file);
  }

  private read(): SecureContextOptions {
    return { cert: readFileSync(this.certificateFile), key: readFileSync(this.keyFile) };
  }
}
