/**
 * A histogram of durations with fixed buckets: a few additions per observation, and nothing but
 * numbers, so that counting costs a request next to nothing.
 */

/** Upper bounds of the buckets, in seconds; the last bucket has none. */
export const BUCKETS = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
] as const;

/** See the file comment. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS.length + 1);
  #sum = 0;
  #count = 0;

  /** Counts one duration, in seconds. */
  observe(seconds: number): void {
    let at = 0;
    while (at < BUCKETS.length && seconds > (BUCKETS[at] ?? Infinity)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
    this.#count++;
  }

  get count(): number {
    return this.#count;
  }

  /** In seconds. */
  get sum(): number {
    return this.#sum;
  }

  /** How many were at most as long as each of {@link BUCKETS}. */
  cumulative(): number[] {
    let sofar = 0;
    return BUCKETS.map((_, at) => sofar += this.#counts[at] ?? 0);
  }

  /**
   * An estimate of the `q` quantile, in seconds, by linear interpolation within its bucket, as
   * Prometheus' `histogram_quantile` makes it: never beyond the last bound. 0 without observations.
   */
  quantile(q: number): number {
    const rank = q * this.#count;
    let below = 0;
    for (const [at, bound] of BUCKETS.entries()) {
      const count = this.#counts[at] ?? 0;
      if (count > 0 && below + count >= rank) {
        const from = at === 0 ? 0 : BUCKETS[at - 1] ?? 0;
        return from + (bound - from) * (rank - below) / count;
      }
      below += count;
    }
    return this.#count === 0 ? 0 : BUCKETS[BUCKETS.length - 1] ?? 0;
  }
}
