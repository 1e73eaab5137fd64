/**
 * Frames of Docker's multiplexed streams: a byte for the stream, three zeros, the length of the
 * payload in four bytes, big-endian, then the payload (Engine API, "ContainerAttach"). Pure.
 */
import { concat } from "../../system/bytes.ts";

/** Bytes before the payload. */
export const FRAME_HEADER = 8;
/** Of one payload; the engine cuts lines at 16 KiB, log drivers of others may not. */
const MAX_PAYLOAD = 4 * 1024 * 1024;

/** Bytes of the first frame, header included; 0 while not all of it is here. Throws for a longer one. */
export function frameLength(bytes: Uint8Array): number {
  if (bytes.length < FRAME_HEADER) return 0;
  const payload = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
  if (payload > MAX_PAYLOAD) throw new Error(`A frame has more than ${MAX_PAYLOAD} bytes`);
  const length = FRAME_HEADER + payload;
  return bytes.length < length ? 0 : length;
}

/** A frame of standard error. */
export function stderrFrame(text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const header = new Uint8Array(FRAME_HEADER);
  header[0] = 2;
  new DataView(header.buffer).setUint32(4, payload.length);
  return concat([header, payload]);
}
