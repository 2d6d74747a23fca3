// The process of movers: told by its parent what to move, and asked how much has gone. Those that are paced take the
// processor after everybody else, as if they were on another machine.
import { constants, setPriority } from "node:os";
import { answerParent, fail } from "./helper";
import { type MoverOrder, type Movers, moveHere } from "./movers";

let movers: Movers | undefined;

answerParent(async (question) => {
  if (movers) return movers.takeMoved();
  const order = question as MoverOrder;
  if (order.bytesPerSecond !== undefined) setPriority(constants.priority.PRIORITY_LOW);
  movers = await moveHere(order, fail);
  return "ready";
});
