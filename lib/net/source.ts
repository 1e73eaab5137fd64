/**
 * The reading half of a Duplex as a `ReadableStream`, for code that frames it. The stream reads
 * ahead by one piece, so that the end of an idle peer is noticed at once; when the framed protocol
 * ends, `release()` gives the Duplex back with that piece in front, and nothing is lost.
 */
import type { Duplex } from "./duplex.ts";

/** Reads `duplex` until released; does not own it. */
export class DuplexSource {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #duplex: Duplex;
  #pending: Promise<Uint8Array | null> | undefined;
  #released = false;
  #endPull: (() => void) | undefined;

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    this.readable = new ReadableStream<Uint8Array>({
      pull: (controller) => this.#pull(controller),
    }, { highWaterMark: 0 });
  }

  #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#endPull = () => {
        controller.close();
        resolve();
      };
      if (this.#released) return this.#endPull();
      this.#pending = this.#duplex.read();
      this.#pending.then((chunk) => {
        if (this.#released) return;
        this.#pending = undefined;
        if (chunk !== null) controller.enqueue(chunk);
        else {
          this.#endPull = undefined;
          controller.close();
        }
        resolve();
      }, (error) => {
        if (!this.#released) reject(error);
      });
    });
  }

  /**
   * Ends `readable` without losing anything: returns how to read on. The first call of the returned
   * function yields the piece that was being read ahead, if there was one; the next ones `null`.
   */
  release(): () => Promise<Uint8Array | null> {
    this.#released = true;
    this.#endPull?.();
    return () => {
      const pending = this.#pending;
      this.#pending = undefined;
      return pending ?? Promise.resolve(null);
    };
  }
}
