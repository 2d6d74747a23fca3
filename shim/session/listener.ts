// The port that clients connect to, and the sessions that are open.
import { createServer, type Server, type Socket } from "node:net";
import { listen, portOf } from "../operations/operationsServer";
import { encodeError } from "../resp/encoder";
import type { Certificate } from "./certificate";
import { endGently } from "./farewell";
import type { SessionServices } from "./services";
import { Session } from "./session";

/** How clients are treated as connections, whatever they send. */
export interface ListenerOptions {
  /** Clients connected at most. */
  readonly maxClients: number;
  /** Silence after which a client is disconnected; 0: never. */
  readonly idleTimeoutMs: number;
  /** Age at which a client is disconnected between two commands; 0: never. */
  readonly maxAgeMs: number;
  /** Silence between keep-alive probes. */
  readonly keepAliveMs: number;
  /** Where given, clients connect by TLS. */
  readonly certificate: Certificate | undefined;
}

/** As many connections as a burst may bring before they are accepted. */
const BACKLOG = 4096;
/** Connections beside those of clients: so many may be in a TLS handshake, and so many be told that they are too many. */
const SPARE = 16;
const tooMany = encodeError("ERR max number of clients reached");

export class Listener {
  private readonly sessions = new Set<Session>();
  private readonly servers: Server[] = [];
  /** TLS connections that are no clients yet. */
  private handshakes = 0;
  /** Connections that are told why they are turned away. */
  private refusals = 0;
  private draining = false;
  private whenEmpty: (() => void) | undefined;

  constructor(
    private readonly services: SessionServices,
    private readonly options: ListenerOptions,
  ) {}

  /** Sessions open. */
  get size(): number {
    return this.sessions.size;
  }

  /**
   * Opens a port.
   *
   * @param typed whether database 1 answers there in the types that commands have
   * @returns the port
   * @throws Error where the address or port cannot be taken
   */
  async listen(host: string, port: number, typed = false): Promise<number> {
    const { keepAliveMs, certificate } = this.options;
    const options = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs };
    const onClient = (socket: Socket): void => this.welcome(socket, typed);
    const server = certificate ? certificate.createServer(options, onClient) : createServer(options, onClient);
    if (certificate) this.countHandshakes(server);
    await listen(server, host, port, this.services.log, BACKLOG);
    this.servers.push(server);
    return portOf(server);
  }

  /**
   * Accepts no more clients and lets those connected finish what they have begun.
   *
   * @returns how many had to be cut off after `deadlineMs`
   */
  async drain(deadlineMs: number): Promise<number> {
    this.draining = true;
    for (const server of this.servers) server.close();
    for (const session of this.sessions) session.finish();
    if (this.sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.whenEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const left = this.sessions.size;
    for (const session of this.sessions) session.destroy();
    return left;
  }

  /** Whoever never finishes a handshake would otherwise take descriptors without being counted. */
  private countHandshakes(server: Server): void {
    server.on("connection", (connection: Socket) => {
      this.handshakes++;
      if (this.sessions.size + this.handshakes <= this.options.maxClients + SPARE) return;
      this.services.counters.rejected++;
      connection.destroy();
    });
    // Each connection comes to one of the two.
    for (const event of ["secureConnection", "tlsClientError"]) server.on(event, () => this.handshakes--);
  }

  /** Says that there are too many clients, unless so many are being told already that telling takes descriptors away. */
  private turnAway(accepted: Socket): void {
    this.services.counters.rejected++;
    accepted.on("error", () => accepted.destroy());
    if (this.refusals >= SPARE) {
      accepted.destroy();
      return;
    }
    this.refusals++;
    accepted.once("close", () => this.refusals--).resume();
    accepted.write(tooMany);
    endGently(accepted);
  }

  private welcome(accepted: Socket, typed: boolean): void {
    const { services } = this;
    const { maxClients, idleTimeoutMs, maxAgeMs } = this.options;
    if (this.draining) {
      // It was in its TLS handshake when the port was closed.
      accepted.destroy();
      return;
    }
    if (this.sessions.size >= maxClients) {
      this.turnAway(accepted);
      return;
    }
    const session = new Session(++services.counters.connections, accepted, services, typed);
    const { socket } = session;
    this.sessions.add(session);
    socket.setTimeout(idleTimeoutMs).on("timeout", () => {
      session.leaveIdle();
      // Whoever was busy is looked at again: what is written past the stream does not start the time anew.
      socket.setTimeout(idleTimeoutMs);
    });
    // Spread, so that clients which came together do not leave together.
    const ageMs = maxAgeMs * (0.9 + Math.random() / 5);
    const aging = maxAgeMs > 0 ? setTimeout(() => session.finish(), ageMs).unref() : undefined;
    socket.once("close", () => {
      clearTimeout(aging);
      this.sessions.delete(session);
      if (this.sessions.size === 0) this.whenEmpty?.();
    });
  }
}
