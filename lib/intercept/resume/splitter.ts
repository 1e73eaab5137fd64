/** Bytes in, whole pieces out; what their length is, is told by whoever knows the format. Pure. */
import { concat } from "../../system/bytes.ts";

/** Bytes of the first piece; 0 while its end is not known. */
export type LengthOf = (bytes: Uint8Array) => number;

/** See the file comment. */
export class Splitter {
  readonly #lengthOf: LengthOf;
  #held: Uint8Array = new Uint8Array();

  constructor(lengthOf: LengthOf) {
    this.#lengthOf = lengthOf;
  }

  /** The pieces that end in `data`. Throws what telling their length throws. */
  push(data: Uint8Array): Uint8Array[] {
    let rest = this.#held.length === 0 ? data : concat([this.#held, data]);
    const pieces: Uint8Array[] = [];
    for (let length = this.#lengthOf(rest); length > 0; length = this.#lengthOf(rest)) {
      pieces.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#held = rest;
    return pieces;
  }

  /** What is left when the stream has ended: a part of a piece, or nothing. */
  rest(): Uint8Array {
    const rest = this.#held;
    this.#held = new Uint8Array();
    return rest;
  }
}
