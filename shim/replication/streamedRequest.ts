// One request over a connection of its own whose large arguments are written as they are read from elsewhere. The server
// takes them in as they come, without holding up anybody; handed over by a script they would be copied at once.

import { once } from "node:events";
import { Command, type Redis } from "ioredis";

/** An argument that is not there as a whole: its length, and its bytes in pieces. */
export interface StreamedArgument {
  readonly bytes: number;
  readonly pieces: () => AsyncIterable<Buffer>;
}

/** Arguments that are encoded already, as a request has them. */
export interface EncodedArguments {
  readonly count: number;
  readonly pieces: () => AsyncIterable<Buffer>;
}

/** One of a request's arguments, or several. */
export type RequestArgument = string | Buffer | number | StreamedArgument | EncodedArguments;

/** A command of which the driver writes the header, and its caller the arguments. */
class HeaderOnly extends Command {
  constructor(private readonly header: string) {
    super("streamed", [], { replyEncoding: "utf8" });
  }

  override toWritable(): string {
    return this.header;
  }
}

/**
 * Sends a request, and waits for its reply.
 *
 * @param connection - connected, and nobody else's. It is to be closed where this rejects.
 * @throws Error where the pieces of an argument are not what was said, or the connection or the command fails.
 */
export async function sendStreamed(connection: Redis, args: readonly RequestArgument[]): Promise<unknown> {
  const { stream } = connection;
  const count = args.reduce<number>((sum, arg) => sum + (typeof arg === "object" && "count" in arg ? arg.count : 1), 0);
  const reply = Promise.resolve(connection.sendCommand(new HeaderOnly(`*${count}\r\n`)));
  // An error may come before all is written, while nobody listens yet.
  reply.catch(() => {});
  const write = async (bytes: string | Buffer): Promise<void> => {
    if (!stream.write(bytes)) await Promise.race([once(stream, "drain"), reply]);
  };
  for (const arg of args) {
    if (typeof arg === "object" && "count" in arg) {
      for await (const piece of arg.pieces()) await write(piece);
    } else if (typeof arg === "object" && "pieces" in arg) {
      await write(`$${arg.bytes}\r\n`);
      let left = arg.bytes;
      for await (const piece of arg.pieces()) {
        left -= piece.length;
        await write(piece);
      }
      if (left !== 0) throw new Error(`an argument of ${arg.bytes} bytes lacks ${left}`);
      await write("\r\n");
    } else {
      const bytes = typeof arg === "object" ? arg : Buffer.from(String(arg));
      stream.write(`$${bytes.length}\r\n`);
      stream.write(bytes);
      stream.write("\r\n");
    }
  }
  return reply;
}
