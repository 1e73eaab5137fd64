/**
 * A port that nobody serves inside the container. On the remote host docker-proxy accepts for the
 * container and only then finds that it is refused there; all that arrives here is the end of a stream
 * on which nothing was ever sent. A local client is better told so by a reset than by an orderly end.
 */
import type { Duplex } from "../net/duplex.ts";

/** docker-proxy learns of a refusal within a round trip on its own host. */
const REFUSED_WITHIN_MS = 1_000;

/**
 * Wraps both ends of a connection that has just been opened: when `upstream` ends at once, without
 * having sent anything, while `client` has not ended its direction, the read fails as if reset.
 */
export function noteRefusal(client: Duplex, upstream: Duplex): [Duplex, Duplex] {
  const since = performance.now();
  let clientEnded = false;
  let answered = false;
  const near: Duplex = {
    closed: client.closed,
    async read() {
      const chunk = await client.read();
      if (chunk === null) clientEnded = true;
      return chunk;
    },
    write: (chunk) => client.write(chunk),
    closeWrite: () => client.closeWrite(),
    close: () => client.close(),
  };
  const far: Duplex = {
    closed: upstream.closed,
    async read() {
      const chunk = await upstream.read();
      if (chunk !== null) answered = true;
      else if (!answered && !clientEnded && performance.now() - since < REFUSED_WITHIN_MS) {
        throw new Deno.errors.ConnectionReset("Nothing listens on the container's port");
      }
      return chunk;
    },
    write: (chunk) => upstream.write(chunk),
    closeWrite: () => upstream.closeWrite(),
    close: () => upstream.close(),
  };
  return [near, far];
}
