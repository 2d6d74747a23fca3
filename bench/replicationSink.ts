// Loaded into a shim before its program: database 1 leads into a sink. Commands are parsed, checked, stamped, copied, put
// into the outbox, packed and sealed as ever; only the call to SNS, and the replay in the region's own cluster, are left
// out. What is measured then is what accepting costs, not how fast a bus or a cluster takes it.
import { once } from "node:events";
import { SnsTopic } from "@redis-on-fly/shim/dist/bus/snsTopic";
import { SqsQueue } from "@redis-on-fly/shim/dist/bus/sqsQueue";
import { Replayer } from "@redis-on-fly/shim/dist/replication/replayer";

SnsTopic.prototype.publish = async () => {};
SqsQueue.prototype.receive = async (signal) => {
  await once(signal, "abort");
  throw signal.reason;
};
Replayer.prototype.apply = async () => ({
  applied: 0,
  stale: 0,
  unordered: 0,
  doubts: new Map(),
  errors: [],
  poison: [],
  transient: [],
});
