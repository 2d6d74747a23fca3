// The process of a small client: told by its parent whom to ask, and for how long.
import { answerParent } from "./helper";
import { askPaced } from "./pacedClient";

/** What it is told. */
export interface SmallClientOrder {
  readonly url: string;
  readonly durationMs: number;
}

answerParent((question) => {
  const { url, durationMs } = question as SmallClientOrder;
  return askPaced(url, durationMs);
});
