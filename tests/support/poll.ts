/** Waiting for a condition with a deadline: the only way tests here wait for the outside world. */

/** For a slow machine with other work to do: who waits this long waits for what does not come. */
const DEFAULT_TIMEOUT_MS = 120_000;

/** Options of {@link until}. */
export interface UntilOptions {
  /** Default {@link DEFAULT_TIMEOUT_MS}. */
  timeoutMs?: number;
  /** Pause between two looks. Default 50 ms. */
  everyMs?: number;
}

/**
 * Looks again and again until `look` returns something other than `undefined` and `false`, and
 * returns that. Throws at the deadline, naming `what` and the last error of `look`, if any: an
 * assertion may stand in a look.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: UntilOptions = {},
): Promise<T> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, everyMs = 50 } = options;
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await pause(everyMs);
  } while (performance.now() < deadline);
  const why = last === undefined ? "" : `: ${last instanceof Error ? last.message : last}`;
  throw new Error(`Not within ${timeoutMs} ms: ${what}${why}`);
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
