/** What SOCKS and HTTP do alike with a client's stream: bound its handshake, join it, end it. */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import type { BridgeClient } from "./listener.ts";

/** How long a client may take until it has said what it wants. */
export const HANDSHAKE_MS = 10_000;
/** How long, and for how many bytes, a client that was refused is still read. */
const LINGER_MS = 500;
const LINGER_BYTES = 64 * 1024;

/** Runs `handshake`; closes `duplex`, which makes its reads fail, when it takes too long. */
export async function withinHandshake<T>(
  duplex: Duplex,
  handshake: () => Promise<T>,
  limitMs = HANDSHAKE_MS,
): Promise<T> {
  const timer = setTimeout(() => duplex.close(), limitMs);
  try {
    return await handshake();
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Aborts when the bridge is closed or `duplex` is: a client that hangs up while its destination is
 * being connected wants it no more.
 */
export function whileOpen(duplex: Duplex, signal: AbortSignal): AbortSignal {
  const gone = new AbortController();
  void duplex.closed.then(() => gone.abort(new Deno.errors.Interrupted("The client has left")));
  return AbortSignal.any([signal, gone.signal]);
}

/** Joins a client to its destination until both are done. Owns both. */
export async function join(
  near: Duplex,
  far: Duplex,
  { counters, signal }: Pick<BridgeClient, "counters" | "signal">,
  log: Logger,
): Promise<void> {
  const { error } = await pipe(near, far, { signal, tally: counters });
  if (error !== undefined) log.debug("A connection was cut", { error: messageOf(error) });
}

/**
 * Ends a client's stream after a last reply. A socket that is closed over unread bytes is reset, and
 * the reply would be lost with it.
 */
export async function endAfterReply(duplex: Duplex): Promise<void> {
  const timer = setTimeout(() => duplex.close(), LINGER_MS);
  try {
    await duplex.closeWrite();
    for (let dropped = 0; dropped < LINGER_BYTES;) {
      const chunk = await duplex.read();
      if (chunk === null) break;
      dropped += chunk.length;
    }
  } catch {
    // The client is gone, which is what we are waiting for.
  } finally {
    clearTimeout(timer);
    duplex.close();
  }
}
