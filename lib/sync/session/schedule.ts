/** When a watched session looks again although nothing hints at a change. */
import type { RoundScope } from "./round_parts.ts";

/** Everything is looked at again this often while watched: hints can be lost. */
const FULL_RESCAN_MS = 120_000;
/** Looking through a folder that cannot be watched. */
const BLIND_RESCAN_MS = 3_000;
/** The remote side is asked again after this, or so many times what asking took. */
const MIN_POLL_MS = 500;
const MIN_FILES_POLL_MS = 2_000;
/** All of a volume travels each time. */
const MIN_ENGINE_POLL_MS = 5_000;
const ENGINE_POLL_FACTOR = 30;
const SLOW_SCAN_MS = 60;
const MAX_POLL_MS = 10_000;
const POLL_FACTOR = 15;

/** See the file comment. */
export class Schedule {
  /** The local side gives no hints. */
  isBlind = false;
  #lastFull = 0;
  #scanMs = 0;

  /** Asking the remote side takes a request for every directory. */
  isByFiles = false;
  /** Asking the remote side takes reading all of it. */
  isByEngine = false;
  /** Something hints at remote changes. */
  isFollowed = false;

  /** Listing the remote side takes long enough to have it watched instead. */
  get isSlow(): boolean {
    return this.#scanMs > SLOW_SCAN_MS;
  }

  /** How long to wait for a hint before the remote side is asked. */
  get pauseMs(): number {
    if (this.isFollowed && !this.isBlind) return FULL_RESCAN_MS;
    if (this.isByEngine) return Math.max(MIN_ENGINE_POLL_MS, ENGINE_POLL_FACTOR * this.#scanMs);
    const least = this.isByFiles ? MIN_FILES_POLL_MS : MIN_POLL_MS;
    const poll = Math.min(MAX_POLL_MS, Math.max(least, POLL_FACTOR * this.#scanMs));
    return this.isBlind ? Math.max(poll, BLIND_RESCAN_MS) : poll;
  }

  /** Whether everything has to be looked at. */
  get isFullDue(): boolean {
    const pauseMs = this.isByEngine ? this.pauseMs : 0;
    return this.isBlind ||
      performance.now() - this.#lastFull > Math.max(FULL_RESCAN_MS, pauseMs);
  }

  /** A round is over; `tookMs` if it did nothing but look. */
  looked(scope: RoundScope, tookMs: number | undefined): void {
    if (scope.local === "all") this.#lastFull = performance.now();
    if (scope.scanRemote && tookMs !== undefined) this.#scanMs = tookMs;
  }
}
