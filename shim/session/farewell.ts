// How a connection ends from this side without taking away what its client has yet to read.
import type { Socket } from "node:net";

const LINGER_MS = 2000;

/**
 * Ends a connection once all is written. What the client still sends is to be read and dropped for a while, since closing
 * over unread bytes would reset the connection and take the last replies away from it.
 */
export function endGently(socket: Socket): void {
  if (socket.writableEnded || socket.destroyed) return;
  socket.end(() => setTimeout(() => socket.destroy(), LINGER_MS).unref());
}
