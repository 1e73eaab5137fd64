/** Node's Buffers and plain arrays of bytes. */
import { Buffer } from "node:buffer";

/** `bytes` for libraries that take nothing else; a view, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
