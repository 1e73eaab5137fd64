/**
 * The one function that joins two Duplexes. Both are owned by the pipe until it settles and are
 * closed by then.
 */
import type { Duplex } from "./duplex.ts";
import { isClosedError } from "../errors.ts";

/** What went through a pipe. */
export interface PipeResult {
  /** Bytes from the first stream to the second. */
  sent: number;
  /** Bytes from the second stream to the first. */
  received: number;
  /** Why it ended early; absent after two orderly ends, and when one end simply went away. */
  error?: Error;
}

/** Options of {@link pipe}. */
export interface PipeOptions {
  /** Closes both streams. */
  signal?: AbortSignal;
}

/**
 * Relays both directions until both have ended: EOF on one stream becomes `closeWrite` on the other;
 * an error or an abort closes both. Settles, never rejecting, when both directions are done.
 */
export async function pipe(a: Duplex, b: Duplex, options: PipeOptions = {}): Promise<PipeResult> {
  const result: PipeResult = { sent: 0, received: 0 };
  const closeBoth = () => {
    a.close();
    b.close();
  };
  const fail = (error: unknown) => {
    if (!isClosedError(error) && error instanceof Error) result.error ??= error;
    closeBoth();
  };
  options.signal?.addEventListener("abort", closeBoth, { once: true });
  if (options.signal?.aborted) closeBoth();
  try {
    await Promise.all([
      relay(a, b, (n) => result.sent += n).catch(fail),
      relay(b, a, (n) => result.received += n).catch(fail),
    ]);
  } finally {
    options.signal?.removeEventListener("abort", closeBoth);
    closeBoth();
  }
  return result;
}

async function relay(from: Duplex, to: Duplex, count: (bytes: number) => void): Promise<void> {
  for (;;) {
    const chunk = await from.read();
    if (chunk === null) break;
    await to.write(chunk);
    count(chunk.length);
  }
  await to.closeWrite();
}
