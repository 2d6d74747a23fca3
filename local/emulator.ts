// SNS and SQS on loopback: fauxqs, one for all regions, with our wires put between its topics and its queues. Everything
// else is as fauxqs does it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Faults, Wires } from "./wires";

type BuildApp = typeof import("fauxqs", { with: { "resolution-mode": "import" }}).buildApp;
type Stores = NonNullable<NonNullable<Parameters<BuildApp>[0]>["stores"]>;
type BusStores = Pick<Stores, "sqsStore" | "snsStore">;
type Queue = ReturnType<Stores["sqsStore"]["createQueue"]>;

/** A running emulator. Any credentials will do; the region is the one that the client signs for. */
export class Emulator {
  private constructor(
    private readonly app: ReturnType<BuildApp>,
    private readonly wires: Wires,
    /** URL of SNS and SQS alike. */
    readonly endpoint: string,
  ) {}

  static async start(faults: Faults): Promise<Emulator> {
    const { buildApp } = await import("fauxqs");
    const wires = new Wires(faults);
    // What it stores for S3 is its own affair, whatever its types ask for.
    const stores = (await wiredStores(wires)) as Stores;
    const app = buildApp({ logger: false, stores });
    app.addHook("onRequest", async (request, reply) => {
      // Signature version 4: Credential=<key>/<date>/<region>/<service>/aws4_request
      const [, region, service] =
        /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)/.exec(request.headers.authorization ?? "") ?? [];
      if (service === "sns" && region && wires.isIsolated(region)) {
        const error = "<Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>cut off</Message></Error>";
        return reply.code(503).type("text/xml").send(`<ErrorResponse>${error}</ErrorResponse>`);
      }
    });
    app.addHook("onSend", async (request, _reply, payload) => {
      // fauxqs hands messages to a long poll whose client has gone; they shall not stay invisible for that.
      if (request.headers["x-amz-target"] !== "AmazonSQS.ReceiveMessage" || !request.raw.socket.readableEnded) return;
      const queue = stores.sqsStore.getQueue((request.body as { QueueUrl: string }).QueueUrl);
      const { Messages = [] } = JSON.parse(String(payload)) as { Messages?: { ReceiptHandle: string }[] };
      for (const { ReceiptHandle } of Messages) queue?.changeVisibility(ReceiptHandle, 0);
    });
    return new Emulator(app, wires, await app.listen({ host: "127.0.0.1", port: 0 }));
  }

  /**
   * Cuts a region off: its topic answers 503, and messages from and to it are held. With `other`, messages between the
   * two are held and nothing else changes.
   */
  cut(region: string, other?: string): void {
    this.wires.cut(region, other);
  }

  /** Ends every outage; what was held is delivered. */
  heal(): void {
    this.wires.heal();
  }

  async stop(): Promise<void> {
    this.wires.close();
    await this.app.close();
  }
}

/**
 * Stores in which a subscription leads to its queue by wire. A publish asks for the subscription, then for the queue at its
 * endpoint: the first is made to name itself as the endpoint, so that the second knows whose message it is.
 */
async function wiredStores(wires: Wires): Promise<BusStores> {
  const { sqsStore, snsStore } = await makeStores();
  const getSubscription = snsStore.getSubscription.bind(snsStore);
  const getQueue = sqsStore.getQueueByArn.bind(sqsStore);
  snsStore.getSubscription = (arn) => {
    const subscription = getSubscription(arn);
    return subscription && { ...subscription, endpoint: arn };
  };
  sqsStore.getQueueByArn = (arn) => {
    const subscription = getSubscription(arn);
    const queue = getQueue(subscription?.endpoint ?? arn);
    return subscription && queue ? wired(queue, wires, regionOf(subscription.topicArn)) : queue;
  };
  // Queue URLs then carry the address that the client used, which needs no name service.
  sqsStore.host = "";
  return { sqsStore, snsStore };
}

/** The queue, but for messages arriving over the wire; SQS stamps a message with the time of its arrival. */
function wired(queue: Queue, wires: Wires, from: string): Queue {
  const enqueue: Queue["enqueue"] = (message) => {
    const deliver = () => queue.enqueue({ ...message, sentTimestamp: Date.now() });
    wires.carry({ from, to: regionOf(queue.arn), deliver });
  };
  return Object.create(queue, { enqueue: { value: enqueue } });
}

/** The package exports no store classes although `buildApp` takes their instances: they are loaded from its files. */
async function makeStores(): Promise<BusStores> {
  const folder = require.resolve
    .paths("fauxqs")
    ?.map((path) => join(path, "fauxqs", "dist"))
    .find((path) => existsSync(path));
  if (!folder) throw new Error("fauxqs is not installed: run npm ci");
  const load = (path: string) => import(pathToFileURL(join(folder, path)).href);
  const [{ SqsStore }, { SnsStore }] = await Promise.all([load("sqs/sqsStore.js"), load("sns/snsStore.js")]);
  return { sqsStore: new SqsStore(), snsStore: new SnsStore() };
}

/** arn:aws:sns:<region>:<account>:<name> */
function regionOf(arn: string): string {
  return arn.split(":")[3] ?? "";
}
