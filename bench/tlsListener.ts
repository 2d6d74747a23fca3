// A second, encrypted way into a running server, under a certificate that is thrown away with it. The server stays one
// process, so that with and without TLS differ by that alone.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, type Server } from "@redis-on-fly/local/dist/servers";
import { UnavailableError } from "./proxies";
import { configure } from "./serverSettings";

const run = promisify(execFile);

/** Where the server can be reached by TLS, under the name `localhost`. */
export interface TlsListener {
  readonly port: number;
  /** File in PEM, for those who look at it. */
  readonly certificate: string;
  /** Removes the certificate; the server is its owner's to stop. */
  stop(): Promise<void>;
}

/** @throws UnavailableError where the server was built without TLS, or where there is no openssl */
export async function openTlsListener(server: Server): Promise<TlsListener> {
  const folder = await mkdtemp(join(tmpdir(), "redis-on-fly-bench-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true });
  try {
    const certificate = join(folder, "certificate.pem");
    const key = join(folder, "key.pem");
    await makeCertificate(certificate, key);
    const port = await freePort();
    await configure(server, {
      "tls-cert-file": certificate,
      "tls-key-file": key,
      "tls-auth-clients": "no",
      "tls-port": String(port),
    });
    return { port, certificate, stop: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function makeCertificate(certificate: string, key: string): Promise<void> {
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost";
  const args = [...request.split(" "), "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate];
  await run("openssl", args).catch((cause) => {
    throw new UnavailableError("openssl makes no certificate here (Debian: apt install openssl)", { cause });
  });
}
