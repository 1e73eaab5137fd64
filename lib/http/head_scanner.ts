/**
 * Finds the end of a head in bytes that come in pieces. Each byte is looked at once; bytes are
 * copied once, into a buffer that exists only while a head is incomplete.
 */
import { MAX_HEAD_BYTES, MAX_HEADER_COUNT } from "./limits.ts";
import { HttpParseError } from "./parse_error.ts";

const CR = 13;
const LF = 10;
const FIRST_BUFFER_BYTES = 1024;

/** Gathers one head at a time; after `take` it is ready for the next. */
export class HeadScanner {
  #buffer: Uint8Array | undefined;
  /** Bytes gathered. */
  #length = 0;
  /** Where in the gathered bytes the current line starts. */
  #lineStart = 0;
  /** Whole lines so far, leading empty ones not counted. */
  #lines = 0;
  /** Bytes of leading empty lines. */
  #leading = 0;

  /** Whether bytes of an unfinished head are held, leading empty lines not counted. */
  get started(): boolean {
    return this.#length > this.#leading;
  }

  /**
   * Takes bytes of `chunk` from `from` up to the end of the head, or all of them.
   *
   * @returns The offset in `chunk` after the head's last byte, or -1 while it is unfinished.
   * @throws {HttpParseError} 400 for an LF without CR, 431 beyond the limits.
   */
  scan(chunk: Uint8Array, from: number): number {
    const base = this.#length - from;
    let at = from;
    for (let lf = chunk.indexOf(LF, at); lf >= 0; lf = chunk.indexOf(LF, at)) {
      const before = lf > from ? chunk[lf - 1] : this.#buffer?.[this.#length - 1];
      at = lf + 1;
      if (this.#endLine(base + lf, before)) {
        this.#store(chunk.subarray(from, at), true);
        return at;
      }
    }
    checkSize(base + chunk.length);
    this.#store(chunk.subarray(from), false);
    return -1;
  }

  /** The head just found, without leading empty lines, in memory of its own; forgets it here. */
  take(): Uint8Array {
    const head = this.#bytes().subarray(this.#leading);
    const exact = this.#buffer?.length === this.#length;
    this.#forget();
    return exact ? head : head.slice();
  }

  /** Every byte gathered so far, leading empty lines included; forgets them here. */
  takeUnfinished(): Uint8Array {
    const bytes = this.#bytes();
    this.#forget();
    return bytes;
  }

  /** Whether the LF at `lf` ends the head; `before` is the byte before it. */
  #endLine(lf: number, before: number | undefined): boolean {
    checkSize(lf + 1);
    if (before !== CR || lf === this.#lineStart) {
      throw new HttpParseError(400, "Head has a line feed without carriage return");
    }
    const empty = lf - this.#lineStart === 1;
    this.#lineStart = lf + 1;
    if (empty && this.#lines === 0) this.#leading = lf + 1;
    if (empty) return this.#lines > 0;
    this.#lines++;
    if (this.#lines > MAX_HEADER_COUNT + 1) {
      throw new HttpParseError(431, `Head has more than ${MAX_HEADER_COUNT} fields`);
    }
    return false;
  }

  /** Copies `bytes`; `last` says that the head is whole, so that no room to grow is needed. */
  #store(bytes: Uint8Array, last: boolean): void {
    const needed = this.#length + bytes.length;
    if (this.#buffer === undefined || this.#buffer.length < needed) {
      const roomy = Math.max(needed, FIRST_BUFFER_BYTES, 2 * (this.#buffer?.length ?? 0));
      const grown = new Uint8Array(last ? needed : roomy);
      grown.set(this.#bytes());
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  #bytes(): Uint8Array {
    return this.#buffer?.subarray(0, this.#length) ?? new Uint8Array();
  }

  #forget(): void {
    this.#buffer = undefined;
    this.#length =
      this.#lineStart =
      this.#lines =
      this.#leading =
        0;
  }
}

function checkSize(bytes: number): void {
  if (bytes > MAX_HEAD_BYTES) {
    throw new HttpParseError(431, `Head is larger than ${MAX_HEAD_BYTES} bytes`);
  }
}
