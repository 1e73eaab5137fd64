/**
 * Containers that are looked at again because what had to be done at their end could not be: after pauses
 * that double, for as long as it takes.
 */

const FIRST_MS = 5_000;
const LAST_MS = 5 * 60_000;

/** See the file comment. Owns its timers. */
export class SecondLooks {
  readonly #firstMs: number;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #closed = false;

  constructor(firstMs = FIRST_MS) {
    this.#firstMs = firstMs;
  }

  /** Calls `look` again and again, until {@link forget}; nothing if that goes on for `id` already. */
  keep(id: string, look: () => void): void {
    if (!this.#closed && !this.#timers.has(id)) this.#wait(id, look, this.#firstMs);
  }

  #wait(id: string, look: () => void, ms: number): void {
    const timer = setTimeout(() => {
      this.#wait(id, look, Math.min(LAST_MS, 2 * ms));
      look();
    }, ms);
    this.#timers.set(id, timer);
  }

  /** There is nothing left to do. */
  forget(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** Forgets all, for good. */
  close(): void {
    this.#closed = true;
    for (const id of [...this.#timers.keys()]) this.forget(id);
  }
}
