/** Datagrams in a stream: `length(2) data`, the length in network order. Pure. */
import { concat } from "../system/bytes.ts";

const HEADER_BYTES = 2;
/** The largest payload of UDP over IPv4. */
export const MAX_DATAGRAM_BYTES = 65_507;

/** One datagram as bytes of the stream. */
export function lengthFramed(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + data.length);
  new DataView(frame.buffer).setUint16(0, data.length);
  frame.set(data, HEADER_BYTES);
  return frame;
}

/** Takes the stream apart again, however it was cut. Keeps at most one datagram that is not whole. */
export class LengthFrames {
  #rest: Uint8Array = new Uint8Array(0);

  /** The datagrams that `chunk` completes. */
  push(chunk: Uint8Array): Uint8Array[] {
    let bytes = this.#rest.length === 0 ? chunk : concat([this.#rest, chunk]);
    const found: Uint8Array[] = [];
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + ((bytes[0] ?? 0) << 8 | (bytes[1] ?? 0));
      if (bytes.length < end) break;
      found.push(bytes.slice(HEADER_BYTES, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes.slice();
    return found;
  }
}
