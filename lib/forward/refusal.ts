/**
 * A port that nobody serves inside the container. On the remote host docker-proxy accepts for the
 * container and only then finds that it is refused there; all that arrives here is the end of a stream
 * on which nothing was ever sent. A local client is better told so by a reset than by an orderly end.
 */
import type { Duplex } from "../net/duplex.ts";

/** docker-proxy learns of a refusal within a round trip on its own host. */
const REFUSED_WITHIN_MS = 1_000;

/**
 * Wraps the remote end of a connection that has just been opened: when it ends at once, without
 * having sent anything, while our direction is still open, the read fails as if reset.
 */
export function noteRefusal(upstream: Duplex): Duplex {
  const since = performance.now();
  let clientEnded = false;
  let answered = false;
  const first = async () => {
    const chunk = await upstream.read();
    if (chunk === null && !clientEnded && performance.now() - since < REFUSED_WITHIN_MS) {
      throw new Deno.errors.ConnectionReset("Nothing listens on the container's port");
    }
    answered = true;
    return chunk;
  };
  return {
    closed: upstream.closed,
    read: () => answered ? upstream.read() : first(),
    write: (chunk) => upstream.write(chunk),
    closeWrite() {
      clientEnded = true;
      return upstream.closeWrite();
    },
    close: () => upstream.close(),
  };
}
