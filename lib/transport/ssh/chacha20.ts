/**
 * ChaCha20 (RFC 8439, section 2.4) for short messages. ssh2 needs three ciphers for a packet, and
 * each of `node:crypto` is a stream with a native object behind it, which for a few bytes takes far
 * longer than the cipher itself.
 */
import { Buffer } from "node:buffer";
import { chacha20 as noble } from "@noble/ciphers/chacha.js";

/** Up to this many bytes it is done here; the system's implementation is faster beyond. */
export const SHORT_BYTES = 256;

const COUNTER_BYTES = 4;

/**
 * Encrypts or decrypts. `counterAndNonce` is what OpenSSL takes for an IV: 16 bytes, the first four
 * the number of the first block, little-endian.
 */
export function chacha20(key: Uint8Array, counterAndNonce: Uint8Array, data: Uint8Array): Buffer {
  const { buffer, byteOffset } = counterAndNonce;
  const counter = new DataView(buffer, byteOffset).getUint32(0, true);
  const result = Buffer.allocUnsafe(data.length);
  noble(key, counterAndNonce.subarray(COUNTER_BYTES), data, result, counter);
  return result;
}
