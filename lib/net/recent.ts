/**
 * What is kept for whoever may come back, such as the clients of UDP, which never say that they are
 * done: until they have been silent for a while, or until too many others have come. It owns the
 * values, and ends each one that goes.
 */

/** How long and how much is kept. */
export interface RecentOptions<V> {
  readonly max: number;
  readonly idleMs: number;
  /** Between two looks for what has been idle for too long. */
  readonly sweepMs: number;
  /** Ends a value that is kept no longer. */
  readonly end: (value: V) => void;
}

/** See the file comment. */
export class Recent<V> {
  readonly #options: RecentOptions<V>;
  /** The order of a Map is that of insertion: the longest silent is always the first. */
  readonly #kept = new Map<string, { readonly value: V; readonly usedAt: number }>();
  readonly #sweep: ReturnType<typeof setInterval>;

  constructor(options: RecentOptions<V>) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#dropIdle(), options.sweepMs);
  }

  /** What is kept under `key`. */
  get(key: string): V | undefined {
    return this.#kept.get(key)?.value;
  }

  /** Keeps `value`, which has been used just now; the one that was silent longest makes room. */
  use(key: string, value: V): void {
    this.#kept.delete(key);
    this.#kept.set(key, { value, usedAt: performance.now() });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#options.max) return;
      this.drop(oldest);
    }
  }

  /** The same for what may have gone meanwhile. */
  touch(key: string, value: V): void {
    if (this.get(key) === value) this.use(key, value);
  }

  /** Ends what is kept under `key`. */
  drop(key: string): void {
    const found = this.#kept.get(key);
    if (found === undefined) return;
    this.#kept.delete(key);
    this.#options.end(found.value);
  }

  /** Ends all of it. */
  clear(): void {
    for (const key of [...this.#kept.keys()]) this.drop(key);
  }

  /** Ends all of it, and looks no more. Idempotent. */
  close(): void {
    clearInterval(this.#sweep);
    this.clear();
  }

  #dropIdle(): void {
    const limit = performance.now() - this.#options.idleMs;
    for (const [key, { usedAt }] of this.#kept) if (usedAt < limit) this.drop(key);
  }
}
