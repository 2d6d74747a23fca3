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

  reply(bytes: Buffer, completed: number): void {
    this.text += bytes.toString("latin1");
    this.completed += completed;
  }
  flush = (): unknown => undefined;
  preferPrivate(): void {}
  cutOff(): void {
    this.cut = true;
  }
}
