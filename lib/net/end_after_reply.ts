/**
 * Ends a connection whose peer may still be sending. A socket that is closed over unread bytes is reset,
 * and the last reply would be lost with it.
 */
import type { Duplex } from "./duplex.ts";

const LINGER_MS = 500;

/**
 * Ends the writing half, reads and drops what still comes, for half a second and `maxBytes` at most, and
 * closes. `rest` begins with what was read of it before. Never rejects.
 */
export async function endAfterReply(
  duplex: Duplex,
  maxBytes: number,
  rest: () => Pick<Duplex, "read"> = () => duplex,
): Promise<void> {
  const timer = setTimeout(() => duplex.close(), LINGER_MS);
  try {
    await duplex.closeWrite();
    const from = rest();
    for (let dropped = 0; dropped < maxBytes;) {
      const chunk = await from.read();
      if (chunk === null) break;
      dropped += chunk.length;
    }
  } catch {
    // The peer is gone, which is what we are waiting for.
  } finally {
    clearTimeout(timer);
    duplex.close();
  }
}
