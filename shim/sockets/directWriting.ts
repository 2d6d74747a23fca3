// Writes to sockets at once, without a trace in the stream unless the kernel takes less than all: so the memory that holds
// the bytes can be used again when the call returns. Node.js tells a socket's descriptor in private alone; where it does
// not, and with TLS, everything is copied and written as usual.
import { writeSync } from "node:fs";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** Writes bytes; what the kernel does not take at once is copied and follows as soon as it does. */
export function writeNow(socket: Socket, bytes: Buffer): void {
  const written = socket.writableLength === 0 ? tryWrite(socket, bytes) : 0;
  if (written < bytes.length) socket.write(Buffer.from(bytes.subarray(written)));
}

/** Bytes of the write under way that the kernel has not taken yet, which `writableLength` counts until all are; 0 if unknown. */
export function pendingBytes(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { writeQueueSize?: number } | null | undefined };
  return handle?.writeQueueSize ?? 0;
}

function tryWrite(socket: Socket, bytes: Buffer): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd?: number } | null | undefined };
  if (handle?.fd === undefined || handle.fd < 0 || socket instanceof TLSSocket) return 0;
  try {
    return writeSync(handle.fd, bytes);
  } catch {
    // The kernel takes nothing now, or the connection is broken: the stream will find out which.
    return 0;
  }
}
