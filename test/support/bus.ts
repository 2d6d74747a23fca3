// Both ends of a region's bus in one, for tests that have a part in each.

import type { BusAddresses } from "../../local/bus";
import type { Queue, Topic } from "../../shim/bus/bus";
import type { OnRequest } from "../../shim/bus/sdk";
import { regionOf, SnsTopic } from "../../shim/bus/snsTopic";
import { SqsQueue } from "../../shim/bus/sqsQueue";

/** What a shim of a region publishes to, and what it receives from. */
export interface BusEnd extends Topic, Queue {}

/** @param onRequest - told of every request to either. */
export function awsBus(addresses: BusAddresses, endpoint: string, onRequest: OnRequest = () => {}): BusEnd {
  const topic = new SnsTopic({ ...addresses, endpoint, onRequest });
  const queue = new SqsQueue({ ...addresses, region: regionOf(addresses.topicArn), endpoint, onRequest });
  return {
    visibilityMs: queue.visibilityMs,
    get batchSize() {
      return queue.batchSize;
    },
    publish: (body) => topic.publish(body),
    receive: (signal) => queue.receive(signal),
    extend: (...args) => queue.extend(...args),
    acknowledge: (delivery) => queue.acknowledge(delivery),
    reject: (delivery, reason) => queue.reject(delivery, reason),
    close: async () => {
      await Promise.all([topic.close(), queue.close()]);
    },
  };
}
