/**
 * Reads a handshake by counts instead of by chunks, and gives back what was read past its end. The
 * stream stays its owner's.
 */
import type { Duplex } from "../net/duplex.ts";
import { prefixed } from "../net/prefixed.ts";

/** See the file comment. One call at a time. */
export class HandshakeReader {
  readonly #from: Duplex;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(from: Duplex) {
    this.#from = from;
  }

  /** Exactly `count` bytes. Throws `UnexpectedEof` if the stream ends before them. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const chunk = await this.#from.read();
      if (chunk === null) throw new Deno.errors.UnexpectedEof("The client left in the handshake");
      const both = new Uint8Array(this.#rest.length + chunk.length);
      both.set(this.#rest);
      both.set(chunk, this.#rest.length);
      this.#rest = both;
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  /** The stream with what was read too early in front; the reader is of no more use. */
  handOver(): Duplex {
    let rest: Uint8Array | null = this.#rest;
    return prefixed(this.#from, () => {
      const chunk = rest;
      rest = null;
      return Promise.resolve(chunk);
    });
  }
}
