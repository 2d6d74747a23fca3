// The process of movers: told by its parent what to move, and asked how much has gone. Those that are paced take the
// processor after everybody else, as if they were on another machine.
import { constants, setPriority } from "node:os";
import { type MoverOrder, moveHere } from "./movers";

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function work(order: MoverOrder): Promise<void> {
  if (order.bytesPerSecond !== undefined) setPriority(constants.priority.PRIORITY_LOW);
  const movers = await moveHere(order, fail);
  process.on("message", () => void movers.takeMoved().then((bytes) => process.send?.(bytes)));
  process.send?.("ready");
}

process.once("message", (order: MoverOrder) => work(order).catch(fail));
process.on("disconnect", () => process.exit());
