/**
 * The one function that joins two Duplexes. Both are owned by the pipe until it settles and are
 * closed by then.
 */
import type { Duplex } from "./duplex.ts";
import { isClosedError } from "../errors.ts";

/** Bytes that went through. */
export interface Tally {
  /** From the first stream to the second. */
  sent: number;
  /** From the second stream to the first. */
  received: number;
}

/** What went through a pipe. */
export interface PipeResult extends Tally {
  /** Why it ended early; absent after two orderly ends, and when one end simply went away. */
  error?: Error;
}

/** Options of {@link pipe}. */
export interface PipeOptions {
  /** Closes both streams. */
  signal?: AbortSignal;
  /** Is counted up as well, as bytes go through. */
  tally?: Tally;
}

/**
 * Relays both directions until both have ended: EOF on one stream becomes `closeWrite` on the other;
 * an error or an abort closes both. Settles, never rejecting, when both directions are done.
 */
export async function pipe(a: Duplex, b: Duplex, options: PipeOptions = {}): Promise<PipeResult> {
  const result: PipeResult = { sent: 0, received: 0 };
  const tallies: Tally[] = options.tally === undefined ? [result] : [result, options.tally];
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
      relay(a, b, "sent", tallies).catch(fail),
      relay(b, a, "received", tallies).catch(fail),
    ]);
  } finally {
    options.signal?.removeEventListener("abort", closeBoth);
    closeBoth();
  }
  return result;
}

async function relay(
  from: Duplex,
  to: Duplex,
  direction: keyof Tally,
  tallies: readonly Tally[],
): Promise<void> {
  for (let chunk = await from.read(); chunk !== null; chunk = await from.read()) {
    const { length } = chunk;
    await to.write(chunk);
    for (const tally of tallies) tally[direction] += length;
  }
  await to.closeWrite();
}
