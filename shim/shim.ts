// Puts the parts of a shim together, starts them and stops them in order.
import type { Logger } from "pino";
import { regionOf, SnsTopic } from "./bus/snsTopic";
import { CommandTable } from "./commands/commandTable";
import { renderInfo } from "./commands/info";
import { Users } from "./commands/users";
import { type Configuration, ConfigurationError } from "./configuration";
import { shimVariables } from "./contract";
import { InboundThread } from "./inbound/inboundThread";
import { Counters, sharedNumber } from "./operations/counters";
import { flySection } from "./operations/flySection";
import { countRequests, newRegistry } from "./operations/metrics";
import { portOf, startOperations } from "./operations/operationsServer";
import { Replication } from "./replication/replication";
import { affordable } from "./session/capacity";
import { Certificate } from "./session/certificate";
import { Listener } from "./session/listener";
import type { SessionServices } from "./session/services";
import { driverOptions } from "./upstream/address";
import { Control } from "./upstream/control";
import { LanePool } from "./upstream/lanePool";

/** A running shim. */
export interface Shim {
  /** Port on which clients connect. */
  readonly port: number;
  /** Port on which database 1 answers in the types that commands have. */
  readonly typedPort: number | undefined;
  /** Port of /live, /ready and /metrics. */
  readonly operationsPort: number;
  /** Stops as SIGTERM does: accepts no more, finishes what is in flight, drains the outbox. */
  stop(): Promise<void>;
}

/** Of the publish interval: a busy queue is asked so often, which saves requests and adds no more than that to the lag. */
const RECEIVE_SHARE = 1 / 5;

/**
 * Starts a shim. It comes up whether or not the cluster and the bus can be reached, and goes on trying.
 *
 * @param inboundProgram - see {@link InboundThreadOptions.program}.
 * @throws ConfigurationError where a port cannot be taken, or a certificate not be used
 */
export async function startShim(configuration: Configuration, log: Logger, inboundProgram?: string): Promise<Shim> {
  const { cluster, region, topicArn, busEndpoint } = configuration;
  const certificate = certificateOf(configuration, log);
  const regionalCommands = sharedNumber();
  const counters = new Counters(regionalCommands);
  const table = new CommandTable(configuration.allowGroups);
  const { maxClients, maxPrivateLanes } = affordable(configuration, log);
  const pool = new LanePool({
    address: cluster,
    lanesPerProtocol: configuration.lanesPerProtocol,
    coalesce: configuration.coalesce,
    maxPrivateLanes,
    timeoutMs: configuration.upstreamTimeoutMs,
    log,
  });
  const registry = newRegistry(counters, pool, () => listener.size);
  const onRequest = countRequests(registry);
  const replication = new Replication({
    region,
    cluster: driverOptions(cluster),
    topic: new SnsTopic({ topicArn, endpoint: busEndpoint, onRequest }),
    inbound: (front, origin) =>
      new InboundThread(
        {
          region,
          origin,
          cluster,
          awsRegion: regionOf(topicArn),
          queueUrl: configuration.queueUrl,
          deadLetterQueueUrl: configuration.deadLetterQueueUrl,
          busEndpoint,
          envelopeKeys: configuration.envelopeKeys,
          horizonMs: configuration.horizonMs,
          receiveIntervalMs: configuration.publishIntervalMs * RECEIVE_SHARE,
          regionalCommands,
          logLevel: configuration.logLevel,
          onRequest,
          program: inboundProgram,
        },
        front,
      ),
    envelopeKeys: configuration.envelopeKeys,
    envelopeVersion: configuration.envelopeVersion,
    envelopeMaxBytes: configuration.envelopeMaxBytes,
    publishIntervalMs: configuration.publishIntervalMs,
    outboxMaxBytes: configuration.outboxMaxBytes,
    confirmWithinMs: configuration.outboxMode === "published" ? configuration.publishTimeoutMs : undefined,
    invalidate: configuration.invalidate,
    horizonMs: configuration.horizonMs,
    recordsMaxBytes: configuration.recordsMaxBytes,
    largeCommandMaxBytes: configuration.largeCommandMaxBytes,
    canaryIntervalMs: configuration.canaryIntervalMs,
    regionalCommands: () => counters.forwarded,
    log,
    registry,
  });
  const control = new Control(cluster, configuration.upstreamTimeoutMs, log, {
    learned: (commands) => table.learn(commands),
    demoted: () => pool.onDemoted(),
    silent: (since) => pool.onSilence(since),
  });
  const services: SessionServices = {
    table,
    pool,
    virtual: replication,
    sources: {
      users: new Users(configuration.users),
      clientNames: configuration.clientNames,
      identity: () => control.identity,
      info: async (sections) => {
        // Of the shim's own section the cluster knows nothing, and it would take an empty list for all.
        const others = sections.filter((name) => name !== "fly");
        const upstream = sections.length > 0 && others.length === 0 ? "" : await control.info(others);
        const ours = flySection(region, listener.size, replication.figures(), replication.regionFigures());
        return renderInfo(upstream, sections, ours);
      },
    },
    counters,
    outputLimitBytes: configuration.outputLimitBytes,
    virtualLimitBytes: configuration.envelopeMaxBytes,
    log,
  };
  const listener: Listener = new Listener(services, { ...configuration, maxClients, certificate });

  await Promise.all([control.start(), replication.start()]);
  let stopping = false;
  const ready = (): boolean => !stopping && control.ready;
  const { operationsHost, operationsPort } = configuration;
  const operations = await startOperations(operationsHost, operationsPort, { registry, ready }, log).catch(
    cannotListen("operationsHost", "operationsPort"),
  );
  const { host, typedPort } = configuration;
  const port = await listener.listen(host, configuration.port).catch(cannotListen("host", "port"));

  return {
    port,
    typedPort:
      typedPort === undefined
        ? undefined
        : await listener.listen(host, typedPort, true).catch(cannotListen("host", "typedPort")),
    operationsPort: portOf(operations),
    async stop() {
      if (stopping) return;
      stopping = true;
      const endsAt = performance.now() + configuration.drainTimeoutMs;
      const cutOff = await listener.drain(configuration.drainTimeoutMs);
      const { lost } = await replication.drain(Math.max(0, Math.round(endsAt - performance.now())));
      log.info({ cutOff, lost }, "drained");
      certificate?.stop();
      control.stop();
      pool.close();
      operations.close();
      operations.closeAllConnections();
    },
  };
}

/** @throws ConfigurationError where it cannot be used */
function certificateOf({ tlsCertificate, tlsKey }: Configuration, log: Logger): Certificate | undefined {
  if (!tlsCertificate || !tlsKey) return undefined;
  try {
    return new Certificate(tlsCertificate, tlsKey, log);
  } catch (error) {
    const names = `${shimVariables.tlsCertificate} and ${shimVariables.tlsKey}`;
    const fault = `${names} must name a certificate and its key in PEM: ${(error as Error).message}`;
    throw new ConfigurationError([fault], { cause: error });
  }
}

/** What becomes of an error in listening, by the variables of the address. */
function cannotListen(host: "host" | "operationsHost", port: "port" | "typedPort" | "operationsPort") {
  return (cause: Error): never => {
    const names = `${shimVariables[host]} and ${shimVariables[port]}`;
    const fault = `${names} must be an address of this machine and a free port: ${cause.message}`;
    throw new ConfigurationError([fault], { cause });
  };
}
