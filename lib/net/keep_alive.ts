/**
 * Finds out that a peer is gone which says nothing: the system asks it after a silence, and gives the
 * connection up when it does not answer. Node, and Deno with it, can set when the first question is
 * asked; the pauses between the others stay those of the system, with which it takes 11 minutes more
 * until somebody who sits in front of a silent stream is told (Linux: 9 questions, 75 s apart, tcp(7)).
 * Those are set by way of the C library, where it is there.
 */
import type { Socket } from "node:net";
import { IPPROTO_TCP, withDescriptor } from "./descriptor.ts";

/** Between two questions, in seconds. */
const PAUSE_S = 5;
/** Questions without an answer after which the connection is given up. */
const QUESTIONS = 6;
// Linux's values, the same on x86-64 and arm64 (netinet/tcp.h).
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/**
 * Has the peer of a connected socket, with TLS or without, asked after `idleMs` of silence. Whether it
 * will be given up {@link PAUSE_S} × {@link QUESTIONS} seconds after that, and not much later: elsewhere
 * the system's own pauses are longer, but have an end as well.
 */
export function keepAlive(socket: Socket, idleMs: number): boolean {
  socket.setKeepAlive(true, idleMs);
  const isSet = withDescriptor(socket, (descriptor, { setsockopt }) => {
    const set = (option: number, value: number) =>
      setsockopt(descriptor, IPPROTO_TCP, option, new Int32Array([value]), 4) === 0;
    return set(TCP_KEEPINTVL, PAUSE_S) && set(TCP_KEEPCNT, QUESTIONS);
  });
  return isSet === true;
}
