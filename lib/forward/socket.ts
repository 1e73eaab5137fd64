/**
 * A Duplex over an accepted `node:net` socket, whose close means what it says to the client: after
 * both directions have ended in order it is an ordinary close, before that a reset, so that a cut
 * download never looks like a finished one. Owns the socket.
 */
import type { Socket } from "node:net";
import type { Duplex } from "../net/duplex.ts";
import { nodeStreamDuplex } from "../net/node_stream.ts";

/** Wraps `socket`, which was accepted with half-open allowed. */
export function clientSocket(socket: Socket): Duplex {
  const inner = nodeStreamDuplex(socket);
  let readEnded = false;
  let writeEnded: Promise<void> | undefined;
  let flushed = false;
  socket.on("end", () => readEnded = true);
  return {
    closed: inner.closed,
    read: () => inner.read(),
    write: (chunk) => inner.write(chunk),
    closeWrite() {
      writeEnded ??= Promise.race([
        // Called once everything has been taken by the system and FIN follows it.
        new Promise<void>((resolve) => socket.end(() => resolve())).then(() => {
          flushed = true;
        }),
        inner.closed,
      ]);
      return writeEnded;
    },
    close() {
      if (!socket.destroyed && !(readEnded && flushed)) socket.resetAndDestroy();
      inner.close();
    },
  };
}
