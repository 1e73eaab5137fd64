/**
 * A stream of JSON objects, one per line, as `/events` sends them: bytes in, whole lines out. Pure;
 * holds the beginning of a line until its end is there.
 */
import { concat } from "../system/bytes.ts";

/** Bytes of one line. An event carries the labels of its container, which Docker does not bound. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;
const LF = 0x0a;

/** See the file comment. */
export class LineSplitter {
  readonly #pieces: Uint8Array[] = [];
  #held = 0;

  /** The lines that end in `bytes`, each with its line feed. Throws when one is too long. */
  push(bytes: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, from)) {
      lines.push(this.#take(bytes.subarray(from, at + 1)));
      from = at + 1;
    }
    if (from < bytes.length) this.#hold(bytes.subarray(from));
    return lines;
  }

  /** What is left when the stream has ended: a line without a line feed, or nothing. */
  rest(): Uint8Array {
    return this.#take(new Uint8Array());
  }

  #take(end: Uint8Array): Uint8Array {
    const line = concat([...this.#pieces.splice(0), end]);
    this.#held = 0;
    return line;
  }

  #hold(piece: Uint8Array): void {
    this.#held += piece.length;
    if (this.#held > MAX_LINE_BYTES) {
      throw new Error(`A line has more than ${MAX_LINE_BYTES} bytes`);
    }
    this.#pieces.push(piece);
  }
}
