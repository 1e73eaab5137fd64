/**
 * ChaCha20 (RFC 8439, section 2.4) for short messages. ssh2 needs three ciphers for a packet, and
 * each of `node:crypto` is a stream with a native object behind it, which for a few bytes takes far
 * longer than the cipher itself.
 */
import { Buffer } from "node:buffer";
import { streamXOR } from "@stablelib/chacha";

/** Up to this many bytes it is done here; the system's implementation is faster beyond. */
export const SHORT_BYTES = 256;

const COUNTER_BYTES = 4;
/** Counts the blocks of one message; the library does so in place. */
const state = new Uint8Array(16);

/**
 * Encrypts or decrypts. `counterAndNonce` is what OpenSSL takes for an IV: 16 bytes, the first four
 * the number of the first block, little-endian.
 */
export function chacha20(key: Uint8Array, counterAndNonce: Uint8Array, data: Uint8Array): Buffer {
  state.set(counterAndNonce);
  const result = Buffer.allocUnsafe(data.length);
  streamXOR(key, state, data, result, COUNTER_BYTES);
  return result;
}
