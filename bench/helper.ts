// A program of the bench's in a process of its own, so that what it does takes no time of whoever measures: asked by
// messages, one after the other.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** See the head of this file. */
export class Helper {
  private readonly ended: Promise<unknown>;
  private readonly failed: Promise<never>;

  private constructor(
    private readonly child: ChildProcess,
    name: string,
  ) {
    this.ended = once(child, "exit");
    this.failed = this.ended.then(() => {
      throw new Error(`${name} has stopped.`);
    });
    this.failed.catch(() => undefined);
  }

  /** @param name - of what it does, for errors */
  static async start(program: string, name: string): Promise<Helper> {
    const child = fork(program);
    await once(child, "spawn");
    return new Helper(child, name);
  }

  get pid(): number {
    return this.child.pid ?? Number.NaN;
  }

  /** @throws Error where it ends before it answers */
  async ask(question: object | string): Promise<unknown> {
    const sent = new Promise<never>((_, reject) => this.child.send(question, (error) => error && reject(error)));
    const [reply] = await Promise.race([once(this.child, "message"), this.failed, sent]);
    return reply;
  }

  async stop(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.ended;
  }
}

/** What a helper's own program does with its first question, and with each of the others. It ends when nobody asks any more. */
export function answerParent(answer: (question: unknown) => Promise<unknown>): void {
  process.on("message", (question) => {
    answer(question).then(
      (reply) => process.send?.(reply),
      (error: Error) => fail(error),
    );
  });
  process.on("disconnect", () => process.exit());
}

/** Ends this process, with the reason on stderr. */
export function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
