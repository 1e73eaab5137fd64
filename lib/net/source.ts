/**
 * The reading half of a Duplex, for code that frames it and may have to stop in the middle: when the
 * framed protocol ends, `release()` gives the Duplex back, with the piece that is being read in front,
 * and nothing is lost.
 */
import { isSole } from "./discard.ts";
import type { Duplex } from "./duplex.ts";

/** Reads `duplex` until released; does not own it. */
export class DuplexSource {
  readonly #duplex: Duplex;
  /** The read under way, or the one that failed. */
  #pending: Promise<Uint8Array | null> | undefined;
  #released = false;
  #endRead: (() => void) | undefined;
  #sole: Uint8Array | undefined;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /** The next piece; `null` at the end and once released. One at a time. Rejects as the Duplex does. */
  read(): Promise<Uint8Array | null> {
    this.#sole = undefined;
    if (this.#released) return Promise.resolve(null);
    const pending = this.#pending ??= this.#duplex.read();
    return new Promise((resolve, reject) => {
      this.#endRead = () => resolve(null);
      pending.then((chunk) => {
        if (this.#released) return;
        this.#pending = undefined;
        if (chunk !== null && isSole(chunk, this.#duplex)) this.#sole = chunk;
        resolve(chunk);
      }, reject);
    });
  }

  /** Whether `piece` is all of what was read last, and its memory may be discarded. */
  isSole(piece: Uint8Array): boolean {
    return this.#sole === piece;
  }

  /**
   * Ends `read` without losing anything: returns how to read on. The first call of the returned
   * function yields the piece that was being read, if there was one; the next ones `null`.
   */
  release(): () => Promise<Uint8Array | null> {
    this.#released = true;
    this.#endRead?.();
    return () => {
      const pending = this.#pending;
      this.#pending = undefined;
      return pending ?? Promise.resolve(null);
    };
  }
}
