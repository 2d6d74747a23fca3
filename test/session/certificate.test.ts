// Clients that come by TLS: which certificate they see, what becomes of handshakes, and that sessions are what they are
// without TLS, where sockets are read and written in another way.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { Fabric } from "../../local/fabric";
import { Certificate, type CertificateTimes } from "../../shim/session/certificate";
import { eventually } from "../support/eventually";
import { launchInProcess, startFabric } from "../support/fabric";
import { type Listening, startListener } from "../support/listening";
import { RawClient } from "../support/rawClient";
import { describeWithServer } from "../support/servers";

const OK = "+OK\r\n";
const folder = mkdtempSync(join(tmpdir(), "fly-redis-tls-"));
const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});
afterAll(() => rmSync(folder, { recursive: true }));

const kinds = { ec: ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], rsa: ["rsa:2048"], weak: ["rsa:512"] };

/** Puts a new certificate and its key in place, one after the other, as what renews them does. */
function issue(name: string, kind: keyof typeof kinds = "ec"): void {
  const subject = ["-subj", `/CN=${name}`, "-days", "1"];
  const newKind = ["-newkey", ...kinds[kind], "-nodes"];
  const [newCert, newKey] = [`${cert}.new`, `${key}.new`];
  execFileSync("openssl", ["req", "-x509", ...newKind, "-keyout", newKey, "-out", newCert, ...subject], {
    stdio: "ignore",
  });
  renameSync(newCert, cert);
  renameSync(newKey, key);
}

async function listen(
  times: CertificateTimes,
  maxClients = 1000,
): Promise<Listening & { readonly port: number; readonly said: string[] }> {
  const said: string[] = [];
  const certificate = new Certificate(cert, key, pino({}, { write: (line: string) => said.push(line) }), times);
  const listening = await startListener({ certificate, maxClients });
  stops.push(
    () => listening.stop(),
    () => certificate.stop(),
  );
  return { ...listening, said, port: Number(new URL(listening.url).port) };
}

/** A TCP connection that says nothing. */
async function silent(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  stops.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function nameAt(port: number): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test("a certificate is renewed as soon as its files are, and an unusable one changes nothing", async () => {
  issue("first");
  const { port, url, said } = await listen({ lookEveryMs: 10 });
  const before = await RawClient.connect(url);
  stops.push(() => before.close());
  expect(await nameAt(port)).toBe("first");
  issue("second");
  await eventually(async () => expect(await nameAt(port)).toBe("second"));
  rmSync(key);
  await eventually(() => expect(said.join("")).toContain("no such file"));
  expect(await nameAt(port)).toBe("second");
  issue("third");
  await eventually(async () => expect(await nameAt(port)).toBe("third"));
  expect((before.socket as TLSSocket).getPeerCertificate().subject.CN).toBe("first");
  expect(await before.call("PING")).toBe("+PONG\r\n");
});

test("a key of another kind than the certificate's is not taken, at the start neither", async () => {
  issue("first");
  copyFileSync(key, `${key}.old`);
  const { port, said } = await listen({ lookEveryMs: 10 });
  issue("second", "rsa");
  await eventually(async () => expect(await nameAt(port)).toBe("second"));
  renameSync(`${key}.old`, key);
  const fault = `the key in ${key} is not that of the certificate in ${cert}`;
  await eventually(() => expect(said.join("")).toContain(fault));
  expect(await nameAt(port)).toBe("second");
  await expect(listen({})).rejects.toThrow(fault);
});

test("a key that is too short is told before anything listens", () => {
  issue("weak", "weak");
  expect(() => new Certificate(cert, key, pino({ level: "silent" }))).toThrow("key too small");
});

test("a handshake that is never finished is given up", async () => {
  issue("name");
  const { port } = await listen({ handshakeTimeoutMs: 50 });
  const socket = await silent(port);
  await once(socket.resume(), "close");
});

test("a handshake that is done after the shim has begun to stop makes no client", async () => {
  issue("name");
  const { port, url, listener } = await listen({});
  const socket = await silent(port);
  // Who comes later is accepted later.
  const later = await RawClient.connect(url);
  await listener.drain(5000);
  await later.closed;
  const late = connectTls({ socket, rejectUnauthorized: false }).on("error", () => undefined);
  await once(late.resume(), "close");
  expect(listener.size).toBe(0);
});

test("handshakes under way count as clients, with some to spare", async () => {
  issue("name");
  const { port, url, counters } = await listen({}, 2);
  const client = await RawClient.connect(url);
  stops.push(() => client.close());
  const waiting = await Promise.all(Array.from({ length: 17 }, () => silent(port)));
  const beyond = await silent(port);
  await once(beyond.resume(), "close");
  expect(counters.rejected).toBe(1);
  for (const socket of waiting) socket.resetAndDestroy();
  const late = await eventually(() => RawClient.connect(url));
  expect(await late.call("PING")).toBe("+PONG\r\n");
  // One more than allowed still hears why.
  const third = await RawClient.connect(url.replace(/\/\/.*@/, "//"));
  expect(await third.take(1)).toEqual(["-ERR max number of clients reached\r\n"]);
  await third.closed;
  late.close();
});

describeWithServer("a client by TLS", () => {
  let fabric: Fabric;
  let url: string;

  beforeAll(async () => {
    issue("name");
    const variables = { FLY_REDIS_TLS_CERTIFICATE: cert, FLY_REDIS_TLS_KEY: key };
    const launch = (environment: Readonly<Record<string, string>>) => launchInProcess({ ...environment, ...variables });
    fabric = await startFabric({ regions: ["eu-west-1"], launch });
    url = fabric.url(fabric.regions[0]!).replace("redis:", "rediss:");
  });
  afterAll(() => fabric?.stop());

  async function open(): Promise<RawClient> {
    const client = await RawClient.connect(url);
    stops.push(() => client.close());
    return client;
  }

  test("sends and gets large values, on both databases and in RESP3", async () => {
    const client = await open();
    const large = "x".repeat(3_000_000);
    client.send(["HELLO", "3"], ["SET", "large", large], ["GET", "large"], ["STRLEN", "large"], ["GET", "none"]);
    const [hello, ...replies] = await client.take(5);
    expect(hello).toMatch(/^%7\r\n/);
    expect(replies).toEqual([OK, `$${large.length}\r\n${large}\r\n`, `:${large.length}\r\n`, "_\r\n"]);
    await client.call("SELECT", "1");
    // Until its own canary has come back, the shim does not know that every region reads chunks.
    await eventually(async () => expect(await client.call("SET", "pushed", large)).toBe(OK));
    client.send(["SELECT", "0"], ["STRLEN", "pushed"]);
    expect(await client.take(2)).toEqual([OK, `:${large.length}\r\n`]);
  });

  test("may read slowly, holding up nobody", async () => {
    const [slow, other] = [await open(), await open()];
    const size = 8_000_000;
    await other.call("SET", "huge", Buffer.alloc(size, "h"));
    // Its lane is its own from now on.
    await slow.call("GET", "huge");
    slow.socket.pause();
    slow.send(["GET", "huge"], ["PING"], ["GET", "huge"]);
    for (let round = 0; round < 50; round++) expect(await other.call("STRLEN", "huge")).toBe(`:${size}\r\n`);
    slow.socket.resume();
    expect((await slow.take(3)).map(({ length }) => length)).toEqual([size + 12, 7, size + 12]);
  });

  test("may close its half once it has sent, and is let go where it is blocked", async () => {
    const [half, blocked] = [await open(), await open()];
    const commands = [["SET", "k", "v"], ["GET", "k"], ["PING"], ["ECHO", "x".repeat(50_000)]];
    half.send(...commands);
    half.socket.end();
    expect((await half.take(5)).map(({ length }) => length)).toEqual([5, 7, 7, 50_010]);
    await half.closed;
    blocked.send(["BLPOP", "queue", "0"], ["GET", "k"]);
    const other = await open();
    await eventually(async () => expect(await other.call("INFO", "clients")).toContain("blocked_clients:1"));
    blocked.socket.end();
    await blocked.closed;
    await eventually(async () => expect(await other.call("INFO", "clients")).toContain("blocked_clients:0"));
    other.send(["RPUSH", "queue", "element"], ["LLEN", "queue"], ["QUIT"]);
    expect(await other.take(4)).toEqual([":1\r\n", ":1\r\n", OK]);
  });
});
