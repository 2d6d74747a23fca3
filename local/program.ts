// A child process that cannot outlive this one, whatever ends it, and whose last words are kept. It has a process group of
// its own, so that Ctrl-C in a terminal reaches it only through us, in the right order.
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";

const KEPT_LINES = 5;

/** What to run. */
export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Name under which the program sees itself. @default command */
  readonly argv0?: string | undefined;
  /** Its whole environment, `PATH` apart. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A running program; emits `line` for each line of its output. */
export class Program extends EventEmitter<{ line: [line: string] }> {
  private readonly ended: Promise<string>;
  private readonly lastLines: string[] = [];

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
  ) {
    super();
    this.ended = once(child, "close").then(([code, signal]) =>
      signal ? `was killed by ${signal}` : `exited with code ${code}`,
    );
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on("line", (line) => {
        if (this.lastLines.push(line) > KEPT_LINES) this.lastLines.shift();
        this.emit("line", line);
      });
    }
  }

  /** @throws Error where the command cannot be run. */
  static async start({ command, args, argv0, environment }: ProgramOptions): Promise<Program> {
    const child = spawn(command, args, {
      ...(argv0 && { argv0 }),
      detached: true,
      env: { PATH: process.env.PATH, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    await once(child, "spawn");
    const { pid } = child;
    if (!pid) throw new Error(`${command} has no process`);
    reap(child, pid);
    return new Program(child, pid);
  }

  /** Settles when the process is gone, with words for how it ended and its last lines. */
  async lastWords(): Promise<string> {
    return [await this.ended, ...this.lastLines].join("\n    ");
  }

  /** The outcome of `starting`, or an error with the last words if the program ends before. @param name as people call it */
  async unlessEnded<T>(name: string, starting: Promise<T>): Promise<T> {
    const failing = this.lastWords().then((words) => Promise.reject(new Error(`${name} did not start: it ${words}`)));
    return Promise.race([starting, failing]);
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

/** Has the child killed when this process is gone, SIGKILL included: its end closes the pipe that a shell reads from. */
function reap(child: ChildProcess, pid: number): void {
  const reaper = spawn("/bin/sh", ["-c", 'read _; kill -9 "$0"', String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.once("exit", () => reaper.kill("SIGKILL"));
}
