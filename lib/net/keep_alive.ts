/**
 * Finds out that a peer is gone which says nothing: the system asks it after a silence, and gives the
 * connection up when it does not answer. Node, and Deno with it, can set when the first question is
 * asked; the pauses between the others stay those of the system, with which it takes 11 minutes more
 * until somebody who sits in front of a silent stream is told (Linux: 9 questions, 75 s apart, tcp(7)).
 * Those are set by way of the C library, where it is there.
 */
import type { Socket } from "node:net";
import { duplicateOf } from "./descriptor.ts";

/** Between two questions, in seconds. */
const PAUSE_S = 5;
/** Questions without an answer after which the connection is given up. */
const QUESTIONS = 6;
const LIBC = "libc.so.6";
const SYMBOLS = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
// Linux's values, the same on x86-64 and arm64 (netinet/in.h, netinet/tcp.h).
const IPPROTO_TCP = 6;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/**
 * Has the peer of a connected socket, with TLS or without, asked after `idleMs` of silence. Whether it
 * will be given up {@link PAUSE_S} × {@link QUESTIONS} seconds after that, and not much later.
 */
export function keepAlive(socket: Socket, idleMs: number): boolean {
  socket.setKeepAlive(true, idleMs);
  if (Deno.build.os !== "linux") return false;
  const libc = load();
  if (libc === undefined) return false;
  const { setsockopt, close } = libc.symbols;
  const descriptor = duplicateOf(socket);
  const set = (option: number, value: number) =>
    setsockopt(descriptor, IPPROTO_TCP, option, new Int32Array([value]), 4) === 0;
  try {
    return descriptor >= 0 && set(TCP_KEEPINTVL, PAUSE_S) && set(TCP_KEEPCNT, QUESTIONS);
  } finally {
    if (descriptor >= 0) close(descriptor);
    libc.close();
  }
}

/** Nothing with another C library: the system's own pauses are longer, but have an end as well. */
function load(): Deno.DynamicLibrary<typeof SYMBOLS> | undefined {
  try {
    return Deno.dlopen(LIBC, SYMBOLS);
  } catch {
    return undefined;
  }
}
