// Who is measured: ways to one and the same Redis. Every peer answers the same load, in front of the same server, so that
// figures differ by what stands between alone.
import { setTimeout } from "node:timers/promises";
import { Fabric, type Region } from "@redis-on-fly/local/dist/fabric";
import { launchShimProcess } from "@redis-on-fly/local/dist/shimProcess";
import { noFaults } from "@redis-on-fly/local/dist/wires";
import { shimVariables } from "@redis-on-fly/shim/dist/contract";
import { startBlindProxy } from "./blindProxy";
import { type RunningProxy, startHaproxy, startNutcracker, UnavailableError, type Upstream } from "./proxies";
import { configure } from "./serverSettings";
import { openTlsListener, type TlsListener } from "./tlsListener";

/** `TLS`: Redis is reached by TLS, a proxy before it is not. `sink`: see replicationSink.ts. `blind`: see blindProxy.ts. */
export type PeerName =
  | "direct"
  | "shim"
  | "nutcracker"
  | "HAProxy"
  | "direct, TLS"
  | "shim, TLS"
  | "HAProxy, TLS"
  | "shim, sink"
  | "blind";

/** A way to Redis. */
export interface Peer {
  readonly name: PeerName;
  /** `redis://[user]:password@host:port`, rediss for TLS */
  readonly url: string;
  /** The proxy's process; absent where there is none. */
  readonly pid?: number;
  /** Name and version of the proxy, where it is not ours. */
  readonly version?: string;
  /** Waits until it has also done what it puts off until after its reply; absent where it puts off nothing. */
  readonly settle?: () => Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

// More than any load has, so that `--idle` can have as many.
const MAX_CLIENTS = 100_000;
const POLL_INTERVAL_MS = 20;

/** Redis and peers, running. */
export class Peers {
  /** In the order in which they were asked for. */
  readonly all: Peer[] = [];
  /** Why others are not there. */
  readonly leftOut: string[] = [];
  private readonly stops: (() => Promise<void>)[] = [];
  private tls: Promise<TlsListener> | undefined;
  /** What the next shim is told beside what the fabric tells it. */
  private shimEnvironment: Environment = {};

  private constructor(private readonly fabric: Fabric) {}

  /** Starts Redis and the peers of these names; shims get a bus, which stays idle, and are processes, as in production. */
  static async start(names: Iterable<PeerName>): Promise<Peers> {
    const fabric = await Fabric.start({
      regions: ["us-east-1"],
      shims: 0,
      faults: noFaults,
      launch: (environment) => launchShimProcess({ ...environment, ...peers.shimEnvironment }),
    });
    const peers = new Peers(fabric);
    try {
      for (const name of new Set(names)) await peers.add(name);
      return peers;
    } catch (error) {
      await peers.stop();
      throw error;
    }
  }

  /** The process of the Redis behind all of them. */
  get redisPid(): number {
    return this.region.server.pid;
  }

  /** Lifts the server's limit on memory, for values that it would not hold otherwise. */
  liftMemoryLimit(): Promise<void> {
    return configure(this.region.server, { maxmemory: "0" });
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.toReversed()) await stop();
    await this.fabric.stop();
  }

  private get region(): Region {
    const [region] = this.fabric.regions;
    if (!region) throw new Error("a fabric has the regions that it was asked for");
    return region;
  }

  private async add(name: PeerName): Promise<void> {
    try {
      this.all.push({ name, ...(await this.launch(name)) });
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      this.leftOut.push(`${name} is left out: ${error.message}`);
    }
  }

  private async launch(name: PeerName): Promise<Omit<Peer, "name">> {
    const { server } = this.region;
    const { password } = new URL(server.url);
    switch (name) {
      case "direct":
        return { url: server.url };
      case "direct, TLS":
        return { url: await this.tlsUrl() };
      case "shim":
        return this.shim({});
      case "shim, TLS": {
        const { certificate } = await this.tlsListener();
        return this.shim({ [shimVariables.clusterUrl]: await this.tlsUrl(), NODE_EXTRA_CA_CERTS: certificate });
      }
      case "shim, sink":
        return this.sink();
      case "nutcracker":
        return this.proxy(startNutcracker, { port: server.port, password, tls: false });
      case "blind":
        return this.proxy(startBlindProxy, { port: server.port, password, tls: false });
      case "HAProxy":
        return this.proxy(startHaproxy, { port: server.port, password, tls: false });
      case "HAProxy, TLS":
        return this.proxy(startHaproxy, { port: (await this.tlsListener()).port, password, tls: true });
    }
  }

  private async shim(environment: Environment): Promise<Omit<Peer, "name">> {
    const { url, pid } = await this.startShim(environment);
    return { url, pid };
  }

  private async sink(): Promise<Omit<Peer, "name">> {
    const { url, pid, operationsPort } = await this.startShim({
      NODE_OPTIONS: `--require ${require.resolve("./replicationSink")}`,
    });
    return { url, pid, settle: () => untilOutboxIsEmpty(operationsPort) };
  }

  private async startShim(environment: Environment) {
    this.shimEnvironment = { [shimVariables.maxClients]: String(MAX_CLIENTS), ...environment };
    const shim = await this.fabric.startShim(this.region);
    return { url: this.fabric.url(this.region, shim), pid: shim.pid, operationsPort: shim.operationsPort };
  }

  /** Their users are the server's; nutcracker knows AUTH without a user alone. */
  private async proxy(start: (upstream: Upstream) => Promise<RunningProxy>, upstream: Upstream) {
    const { port, pid, version, stop } = await start(upstream);
    this.stops.push(stop);
    return { url: `redis://:${upstream.password}@127.0.0.1:${port}`, pid, version };
  }

  private async tlsUrl(): Promise<string> {
    const url = new URL(this.region.server.url);
    url.protocol = "rediss:";
    url.hostname = "localhost";
    url.port = String((await this.tlsListener()).port);
    return url.href;
  }

  private tlsListener(): Promise<TlsListener> {
    this.tls ??= openTlsListener(this.region.server).then((listener) => {
      this.stops.push(() => listener.stop());
      return listener;
    });
    return this.tls;
  }
}

async function untilOutboxIsEmpty(operationsPort: number): Promise<void> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
    if (/^redis_on_fly_outbox_commands(\{.*\})? 0$/m.test(await response.text())) return;
    await setTimeout(POLL_INTERVAL_MS);
  }
}
