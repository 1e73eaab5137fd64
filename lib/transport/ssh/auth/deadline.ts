/** A time limit that stands still while a person is being asked something. */
import type { Clock } from "./auth.ts";

/** Calls back once when the running time is up. Owned by whoever made it, who stops it. */
export class Deadline implements Clock {
  #onExpired: (() => void) | undefined;
  #leftMs = 0;
  #startedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts, or starts anew, with `ms` milliseconds to go. */
  start(ms: number, onExpired: () => void): void {
    this.stop();
    this.#leftMs = ms;
    this.#onExpired = onExpired;
    this.resume();
  }

  pause(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leftMs -= performance.now() - this.#startedAt;
  }

  /** Does nothing unless the deadline has been started and paused. */
  resume(): void {
    if (this.#timer !== undefined || this.#onExpired === undefined) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(this.#onExpired, Math.max(0, this.#leftMs));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#onExpired = undefined;
  }
}
