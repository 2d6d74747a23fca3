// Who waits for replies, in tests of lanes.
import type { ReplySink } from "../../shim/upstream/replyQueue";

/** Gathers what lanes hand out. */
export class Sink implements ReplySink {
  readonly congested = false;
  readonly closed = false;
  text = "";
  completed = 0;
  entries = 0;
  cut = false;

  reply(chunk: Buffer, start: number, end: number, completed: number): void {
    this.text += chunk.toString("latin1", start, end);
    this.completed += completed;
  }
  flush = (): unknown => undefined;
  preferPrivate(): void {}
  cutOff(): void {
    this.cut = true;
  }
}
