/**
 * Joins a client to a stream until either ends, or the guest does: once it drains, a stream over which
 * nothing goes is one that nobody will finish.
 */
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import type { Exchange } from "./exchange.ts";

/** How long a stream may pause while the guest drains. */
const QUIET_MS = 1_000;

/** Settles, never rejecting, when both streams are closed. */
export async function pipeWhileUsed(
  client: Duplex,
  stream: Duplex,
  { draining, stopped }: Pick<Exchange, "draining" | "stopped">,
): Promise<void> {
  const tally = { sent: 0, received: 0 };
  const unused = new AbortController();
  let timer: ReturnType<typeof setInterval> | undefined;
  const watch = () => {
    let before = tally.sent + tally.received;
    timer = setInterval(() => {
      const now = tally.sent + tally.received;
      if (now === before) unused.abort();
      before = now;
    }, QUIET_MS);
  };
  draining.addEventListener("abort", watch, { once: true });
  if (draining.aborted) watch();
  try {
    await pipe(client, stream, { signal: AbortSignal.any([stopped, unused.signal]), tally });
  } finally {
    clearInterval(timer);
    draining.removeEventListener("abort", watch);
  }
}
