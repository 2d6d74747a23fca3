// Reads sockets into one buffer that all of them share. Node.js otherwise makes a fresh one of 64 KiB for each read, which
// with small requests costs more than what is done with the bytes.
//
// Invariant: the bytes that a reader is given are valid until it returns; it copies what it keeps.
import { type OnReadOpts, Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Takes what came on a socket. */
export type Reader = (bytes: Buffer) => void;

/** What Node.js has behind a connected socket. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
}

/** A request with a value of 64 KB is one read; more made nothing faster, and others would wait longer. */
const SHARED_BYTES = 128 * 1024;
const shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
/** The part of it that was read into last: the next read is often as long. */
let part = shared;

/** For sockets that one opens, `net.connect` takes this as its option `onread`. */
export function sharedReading(read: Reader): OnReadOpts {
  return {
    buffer: shared,
    callback(this: Socket, length) {
      if (part.length !== length) part = shared.subarray(0, length);
      read(part);
      if (length < SHARED_BYTES) return true;
      // There is more: Node.js would read on and on, while others wait.
      setImmediate(() => this.isPaused() || this.resume());
      return false;
    },
  };
}

/**
 * Begins to read an accepted socket. Such sockets come without that option, so one that has it takes over the connection;
 * Node.js has no public way for that. Where its private one is missing, and with TLS, the socket itself is read as usual.
 *
 * @param accepted a socket that nobody reads yet
 * @returns the socket to use from now on
 */
export function readAccepted(accepted: Socket, read: Reader): Socket {
  const inside = accepted as unknown as { _handle: Handle | null | undefined };
  const { _handle: handle } = inside;
  if (accepted instanceof TLSSocket || !handle?.useUserBuffer) return accepted.on("data", read);
  inside._handle = null;
  accepted.destroy();
  const options = { handle, allowHalfOpen: true, onread: sharedReading(read) };
  return new Socket(options);
}
