/**
 * How fast a connection carries data, as far as it has been seen, and so whether to compress. Compressing
 * pays where the link is slower than gzip; data that does not compress is soon sent as it is. One for
 * each connection.
 */

/** A slower link is worth the work on both sides. */
const SLOW_BYTES_PER_S = 6_000_000;
/** Less says more about round trips than about the rate. */
const LEAST_BYTES = 1_000_000;
/** The first transfer tells so much before its end, */
const PROBE_BYTES = 4 * 1024 * 1024;
/** of which the host need not have taken this much yet: the window of an SSH channel, and our queue. */
const UNDER_WAY_BYTES = 2.5 * 1024 * 1024;
/** Data that keeps more than this share of its size is not worth it, */
const WORTH_SHARE = 0.9;
/** for so many bytes; then it is tried again. */
const PAUSE_BYTES = 256 * 1024 * 1024;

/** See the file comment. */
export class LinkRate {
  #bytesPerSecond: number | undefined;
  #pauseLeft = 0;
  readonly #known = Promise.withResolvers<void>();

  /** Whether enough was carried to tell. */
  get isKnown(): boolean {
    return this.#bytesPerSecond !== undefined;
  }

  /** Settles once enough was carried to tell. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  /** Whether the next transfer should be compressed. */
  get compresses(): boolean {
    return this.#bytesPerSecond !== undefined && this.#bytesPerSecond < SLOW_BYTES_PER_S &&
      this.#pauseLeft <= 0;
  }

  /** A transfer is over: `raw` bytes travelled as `sent`, and the link was waited for so long. */
  note(raw: number, sent: number, ms: number): void {
    this.#pauseLeft -= raw;
    if (sent < raw * WORTH_SHARE) this.#pauseLeft = 0;
    else if (sent !== raw) this.#pauseLeft = PAUSE_BYTES;
    if (sent >= LEAST_BYTES) this.#set(sent, ms);
  }

  /** A first transfer, which is not compressed, goes on: so much was sent, and was waited for so long. */
  noteSoFar(sent: number, ms: number): void {
    if (!this.isKnown && sent >= PROBE_BYTES) this.#set(sent - UNDER_WAY_BYTES, ms);
  }

  #set(bytes: number, ms: number): void {
    this.#bytesPerSecond = bytes / Math.max(ms, 1) * 1000;
    this.#known.resolve();
  }
}
