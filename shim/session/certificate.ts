// The certificate with which clients are met by TLS. A renewed one is taken without a restart: new connections get it, open
// ones keep theirs.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { ServerOpts, Socket } from "node:net";
import { createSecureContext, createServer, type SecureContextOptions, type Server } from "node:tls";
import type { Logger } from "pino";

/** How a certificate's files are watched and its handshakes are bounded. */
export interface CertificateTimes {
  /** Between two looks at the files. @default 10 seconds */
  readonly lookEveryMs?: number;
  /** After which a handshake that is not done is given up. @default 5 seconds */
  readonly handshakeTimeoutMs?: number;
}

export class Certificate {
  private readonly servers: Server[] = [];
  private readonly handshakeTimeoutMs: number;
  private context: SecureContextOptions;

  /** @throws Error where a file cannot be read, or the two are no certificate and its key */
  constructor(
    private readonly certificateFile: string,
    private readonly keyFile: string,
    private readonly log: Logger,
    { lookEveryMs = 10_000, handshakeTimeoutMs = 5000 }: CertificateTimes = {},
  ) {
    this.handshakeTimeoutMs = handshakeTimeoutMs;
    this.context = this.read();
    // Polled, since what renews certificates replaces files and links, which the events of a directory tell badly.
    for (const file of [certificateFile, keyFile]) {
      watchFile(file, { interval: lookEveryMs, persistent: false }, () => this.renew());
    }
  }

  createServer(options: ServerOpts, onClient: (socket: Socket) => void): Server {
    const { context, handshakeTimeoutMs: handshakeTimeout } = this;
    const server = createServer({ ...options, ...context, handshakeTimeout }, onClient);
    server.on("tlsClientError", (error, socket) => {
      this.log.debug({ reason: error.message }, "a TLS handshake failed");
      // Node.js leaves the connection open where the time is up.
      socket.destroy();
    });
    this.servers.push(server);
    return server;
  }

  /** Takes what the files hold now; where that is no certificate the old one stays. */
  renew(): void {
    try {
      const context = this.read();
      for (const server of this.servers) server.setSecureContext(context);
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
    const [cert, key] = [readFileSync(this.certificateFile), readFileSync(this.keyFile)];
    // OpenSSL takes a certificate with a key of another kind, and then no handshake succeeds.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      throw new Error(`the key in ${this.keyFile} is not that of the certificate in ${this.certificateFile}`);
    }
    const context: SecureContextOptions = { cert, key, minVersion: "TLSv1.2" };
    createSecureContext(context);
    return context;
  }
}
