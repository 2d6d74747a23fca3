// A bus in this process that does what SNS and SQS may do, and more often: it delays, repeats, reorders, drops and delivers
// again what was not acknowledged in time, loses acknowledgements, and cuts regions off. It never loses an envelope.
import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery, Queue, Topic } from "@redis-on-fly/shim/dist/bus/bus";
import type { Random } from "./random";

interface Message {
  readonly body: string;
  readonly id: number;
  readonly sentAtMs: number;
  dueAtMs: number;
  receiveCount: number;
  /** How often a shim got it. */
  handed: number;
}

/** What is in a queue. */
export type Waiting = Readonly<Pick<Message, "id" | "body" | "handed">>;

const MAX_DELAY_MS = 15;
const HELD_UP_MS = 60;
const VISIBILITY_MS = 80;
const BATCH_SIZE = 10;

/** What {@link Network} does to messages: probabilities, 0 to 1. */
export interface NetworkFaults {
  readonly duplicate: number;
  /** Held up so long that others overtake it. */
  readonly reorder: number;
  /** Lost on the way to a shim, as when a connection breaks: it comes again when it was not acknowledged in time. */
  readonly drop: number;
  readonly lostAcknowledgement: number;
  /** Never delivered to one of the regions. A bus does not do that: it is there to show that it would be found. */
  readonly lose: number;
}

/** One region's end of the network, as a shim sees it. Once it is closed nothing passes it any more. */
export interface NetworkEnd extends Topic, Queue {
  /** Every envelope that was published through it. */
  readonly published: readonly string[];
}

/** All topics and queues. */
export class Network {
  private readonly queues: ReadonlyMap<string, Map<number, Message>>;
  private readonly cuts = new Set<string>();
  private sequence = 0;

  constructor(
    regions: readonly string[],
    private readonly faults: NetworkFaults,
    private readonly random: Random,
  ) {
    this.queues = new Map(regions.map((region) => [region, new Map()]));
  }

  /** What was published and not acknowledged in a region. */
  waiting(region: string): readonly Waiting[] {
    return [...(this.queues.get(region)?.values() ?? [])];
  }

  isCut(region: string): boolean {
    return this.cuts.has(region);
  }

  /** Its publishes fail, and it gets nothing, until {@link heal}. */
  cut(region: string): void {
    this.cuts.add(region);
  }

  heal(): void {
    this.cuts.clear();
  }

  /** Another shim's end in a region. */
  end(region: string): NetworkEnd {
    const queue = this.queues.get(region);
    if (!queue) throw new RangeError(`${region} is no region of this network`);
    const published: string[] = [];
    let closed = false;
    const pass = () => {
      if (closed) throw new Error("the shim of this end was killed");
    };
    return {
      batchSize: BATCH_SIZE,
      visibilityMs: VISIBILITY_MS,
      published,
      publish: async (body) => {
        await sleep(this.random.below(4));
        pass();
        if (this.cuts.has(region)) throw new Error(`${region} is cut off`);
        published.push(body);
        this.send(body);
        // Whether the publisher learns of it is another matter.
        await sleep(this.random.below(4));
        pass();
      },
      receive: async (signal) => {
        for (;;) {
          signal.throwIfAborted();
          pass();
          const due = this.cuts.has(region) ? [] : this.take(queue);
          if (due.length > 0) return due;
          await sleep(2, undefined, { signal });
        }
      },
      extend: async (deliveries, forMs = VISIBILITY_MS) => {
        pass();
        for (const { handle } of deliveries) {
          const message = queue.get(Number(handle));
          if (message) message.dueAtMs = Date.now() + forMs;
        }
      },
      acknowledge: async ({ handle }) => {
        await sleep(this.random.below(3));
        pass();
        if (!this.random.chance(this.faults.lostAcknowledgement)) queue.delete(Number(handle));
      },
      reject: async ({ handle }) => {
        pass();
        queue.delete(Number(handle));
      },
      close: async () => {
        closed = true;
      },
    };
  }

  private send(body: string): void {
    const { duplicate, lose, reorder } = this.faults;
    for (const queue of this.queues.values()) {
      if (this.random.chance(lose)) continue;
      for (let copies = this.random.chance(duplicate) ? 2 : 1; copies > 0; copies -= 1) {
        const delayMs = this.random.below(MAX_DELAY_MS) + (this.random.chance(reorder) ? HELD_UP_MS : 0);
        const [id, sentAtMs] = [this.sequence++, Date.now()];
        queue.set(id, { body, id, sentAtMs, dueAtMs: sentAtMs + delayMs, receiveCount: 0, handed: 0 });
      }
    }
  }

  private take(queue: Map<number, Message>): Delivery[] {
    const due = [...queue.values()].filter(({ dueAtMs }) => dueAtMs <= Date.now());
    const taken = this.random.shuffle(due).slice(0, BATCH_SIZE);
    for (const message of taken) {
      message.dueAtMs = Date.now() + VISIBILITY_MS;
      message.receiveCount += 1;
    }
    return taken
      .filter(() => !this.random.chance(this.faults.drop))
      .map((message) => {
        message.handed += 1;
        const { body, sentAtMs, receiveCount } = message;
        return { body, sentAtMs, receiveCount, handle: String(message.id) };
      });
  }
}
