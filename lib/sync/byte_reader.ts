/** Reads a stream by counts instead of by chunks. The stream stays its owner's. */
import type { Duplex } from "../net/duplex.ts";
import { concat } from "../system/bytes.ts";

/** See the file comment. One call at a time. */
export class ByteReader {
  readonly #from: Pick<Duplex, "read">;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(from: Pick<Duplex, "read">) {
    this.#from = from;
  }

  /** Some bytes, at most `limit`; `null` at the end. */
  async some(limit: number): Promise<Uint8Array | null> {
    while (this.#chunk.length === 0) {
      if (this.#ended) return null;
      const next = await this.#from.read();
      if (next === null) this.#ended = true;
      else this.#chunk = next;
    }
    const part = this.#chunk.subarray(0, limit);
    this.#chunk = this.#chunk.subarray(part.length);
    return part;
  }

  /** Exactly `count` bytes, or `null` if the stream ends before them. */
  async exactly(count: number): Promise<Uint8Array | null> {
    if (this.#chunk.length >= count) {
      const part = this.#chunk.subarray(0, count);
      this.#chunk = this.#chunk.subarray(count);
      return part;
    }
    const whole = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const part = await this.some(count - at);
      if (part === null) return null;
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Everything up to the end. */
  async all(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const part = await this.some(Number.MAX_SAFE_INTEGER);
      if (part === null) return concat(parts);
      parts.push(part);
    }
  }

  /** Reads and drops the rest; never rejects. */
  async drain(): Promise<void> {
    try {
      while (await this.some(Number.MAX_SAFE_INTEGER) !== null);
    } catch {
      // The rest was not wanted.
    }
  }
}
