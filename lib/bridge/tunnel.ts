/** What SOCKS and HTTP do alike with a client's stream: bound its handshake, join it, end it. */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { endAfterReply } from "../net/end_after_reply.ts";
import { pipe } from "../net/pipe.ts";
import type { BridgeClient } from "./listener.ts";

/** How long a client may take until it has said what it wants. */
export const HANDSHAKE_MS = 10_000;
/** How many bytes of a client that was refused are still read. */
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

/** Ends a client's stream after a last reply. */
export function endClient(duplex: Duplex): Promise<void> {
  return endAfterReply(duplex, LINGER_BYTES);
}
