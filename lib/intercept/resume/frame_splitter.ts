/**
 * Frames of Docker's multiplexed streams: a byte for the stream, three zeros, the length of the
 * payload in four bytes, big-endian, then the payload (Engine API, "ContainerAttach"). Pure.
 */
import { concat } from "../../http/bytes.ts";

/** Bytes before the payload. */
export const FRAME_HEADER = 8;
/** Of one payload; the engine cuts lines at 16 KiB, log drivers of others may not. */
const MAX_PAYLOAD = 4 * 1024 * 1024;

/** Bytes in, whole frames out, headers included. */
export class FrameSplitter {
  #held: Uint8Array = new Uint8Array();

  /** The frames that end in `data`. Throws when one is too long. */
  push(data: Uint8Array): Uint8Array[] {
    let rest = this.#held.length === 0 ? data : concat([this.#held, data]);
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = frameLength(rest);
      if (length === undefined || rest.length < length) break;
      frames.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#held = rest;
    return frames;
  }

  /** What is left when the stream has ended: a part of a frame, or nothing. */
  rest(): Uint8Array {
    const rest = this.#held;
    this.#held = new Uint8Array();
    return rest;
  }
}

function frameLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FRAME_HEADER) return undefined;
  const payload = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
  if (payload > MAX_PAYLOAD) throw new Error(`A frame has more than ${MAX_PAYLOAD} bytes`);
  return FRAME_HEADER + payload;
}

/** A frame of standard error. */
export function stderrFrame(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const header = new Uint8Array(FRAME_HEADER);
  header[0] = 2;
  new DataView(header.buffer).setUint32(4, payload.length);
  return concat([header, payload]);
}
