/**
 * Notices that a program has not been used for some time. It looks now and then, cheaply, and not more
 * often than the time asks for; nothing has to tell it.
 */
import { sleep } from "../system/sleep.ts";

/** Looks in each period; an end is late by at most one part. */
const LOOKS = 20;
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** What to watch. */
export interface IdleOptions {
  readonly idleMs: number;
  /** Whether it is in use at this moment. */
  isInUse(): boolean;
  /** A number that grows with every use, so that short ones between two looks count. */
  uses(): number;
  /** Milliseconds since any fixed time. Default: the clock. */
  readonly now?: () => number;
}

/** Settles with `true` once nothing was used for `idleMs`; with `false` when `signal` aborts. */
export async function untilIdle(options: IdleOptions, signal: AbortSignal): Promise<boolean> {
  const { idleMs, now = () => performance.now() } = options;
  const pauseMs = Math.min(Math.max(idleMs / LOOKS, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
  let uses = options.uses();
  let since = now();
  while (!signal.aborted) {
    await sleep(pauseMs, signal);
    const count = options.uses();
    if (options.isInUse() || count !== uses) since = now();
    else if (now() - since >= idleMs) return !signal.aborted;
    uses = count;
  }
  return false;
}
