/**
 * ChaCha20 (RFC 8439, section 2.4) for short messages. ssh2 needs three ciphers for a packet, and
 * each of `node:crypto` is a stream with a native object behind it: for a few bytes that takes ten
 * times as long as the cipher itself, here. Only additions, exclusive ors and rotations of 32-bit
 * words, so that the time does not depend on the key.
 */
import { Buffer } from "node:buffer";

/** Up to this many bytes it is done here; the system's implementation is faster beyond. */
export const SHORT_BYTES = 256;

const BLOCK_BYTES = 64;
const ROUNDS = 20;
const COUNTER_AT = 48;
/** "expand 32-byte k" (section 2.3), which the key, the counter and the nonce follow. */
const CONSTANTS = new TextEncoder().encode("expand 32-byte k");
const KEY_AT = CONSTANTS.length;

/** Reused by every call, which leaves nothing of the key in them: allocating is the dearest part. */
const input = new Uint8Array(BLOCK_BYTES);
const stream = new Uint8Array(BLOCK_BYTES);
const inputWords = new DataView(input.buffer);
const streamWords = new DataView(stream.buffer);

/**
 * Encrypts or decrypts. `counterAndNonce` is what OpenSSL takes for an IV: 16 bytes, the first four
 * the number of the first block, little-endian.
 */
export function chacha20(key: Uint8Array, counterAndNonce: Uint8Array, data: Uint8Array): Buffer {
  input.set(CONSTANTS);
  input.set(key, KEY_AT);
  input.set(counterAndNonce, COUNTER_AT);
  const result = Buffer.allocUnsafe(data.length);
  result.set(data);
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    block(inputWords, streamWords);
    inputWords.setInt32(COUNTER_AT, inputWords.getInt32(COUNTER_AT, true) + 1, true);
    const end = Math.min(BLOCK_BYTES, data.length - at);
    for (let i = 0; i < end; i++) result[at + i]! ^= stream[i]!;
  }
  input.fill(0);
  stream.fill(0);
  return result;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * The block function (section 2.3). Long because it is unrolled: its sixteen words stay in registers,
 * which makes it several times as fast as a loop over an array.
 */
function block(input: DataView, output: DataView): void {
  let x0 = input.getInt32(0, true);
  let x1 = input.getInt32(4, true);
  let x2 = input.getInt32(8, true);
  let x3 = input.getInt32(12, true);
  let x4 = input.getInt32(16, true);
  let x5 = input.getInt32(20, true);
  let x6 = input.getInt32(24, true);
  let x7 = input.getInt32(28, true);
  let x8 = input.getInt32(32, true);
  let x9 = input.getInt32(36, true);
  let x10 = input.getInt32(40, true);
  let x11 = input.getInt32(44, true);
  let x12 = input.getInt32(48, true);
  let x13 = input.getInt32(52, true);
  let x14 = input.getInt32(56, true);
  let x15 = input.getInt32(60, true);
  for (let round = 0; round < ROUNDS; round += 2) {
    x0 = (x0 + x4) | 0;
    x12 = rotate(x12 ^ x0, 16);
    x8 = (x8 + x12) | 0;
    x4 = rotate(x4 ^ x8, 12);
    x0 = (x0 + x4) | 0;
    x12 = rotate(x12 ^ x0, 8);
    x8 = (x8 + x12) | 0;
    x4 = rotate(x4 ^ x8, 7);
    x1 = (x1 + x5) | 0;
    x13 = rotate(x13 ^ x1, 16);
    x9 = (x9 + x13) | 0;
    x5 = rotate(x5 ^ x9, 12);
    x1 = (x1 + x5) | 0;
    x13 = rotate(x13 ^ x1, 8);
    x9 = (x9 + x13) | 0;
    x5 = rotate(x5 ^ x9, 7);
    x2 = (x2 + x6) | 0;
    x14 = rotate(x14 ^ x2, 16);
    x10 = (x10 + x14) | 0;
    x6 = rotate(x6 ^ x10, 12);
    x2 = (x2 + x6) | 0;
    x14 = rotate(x14 ^ x2, 8);
    x10 = (x10 + x14) | 0;
    x6 = rotate(x6 ^ x10, 7);
    x3 = (x3 + x7) | 0;
    x15 = rotate(x15 ^ x3, 16);
    x11 = (x11 + x15) | 0;
    x7 = rotate(x7 ^ x11, 12);
    x3 = (x3 + x7) | 0;
    x15 = rotate(x15 ^ x3, 8);
    x11 = (x11 + x15) | 0;
    x7 = rotate(x7 ^ x11, 7);
    x0 = (x0 + x5) | 0;
    x15 = rotate(x15 ^ x0, 16);
    x10 = (x10 + x15) | 0;
    x5 = rotate(x5 ^ x10, 12);
    x0 = (x0 + x5) | 0;
    x15 = rotate(x15 ^ x0, 8);
    x10 = (x10 + x15) | 0;
    x5 = rotate(x5 ^ x10, 7);
    x1 = (x1 + x6) | 0;
    x12 = rotate(x12 ^ x1, 16);
    x11 = (x11 + x12) | 0;
    x6 = rotate(x6 ^ x11, 12);
    x1 = (x1 + x6) | 0;
    x12 = rotate(x12 ^ x1, 8);
    x11 = (x11 + x12) | 0;
    x6 = rotate(x6 ^ x11, 7);
    x2 = (x2 + x7) | 0;
    x13 = rotate(x13 ^ x2, 16);
    x8 = (x8 + x13) | 0;
    x7 = rotate(x7 ^ x8, 12);
    x2 = (x2 + x7) | 0;
    x13 = rotate(x13 ^ x2, 8);
    x8 = (x8 + x13) | 0;
    x7 = rotate(x7 ^ x8, 7);
    x3 = (x3 + x4) | 0;
    x14 = rotate(x14 ^ x3, 16);
    x9 = (x9 + x14) | 0;
    x4 = rotate(x4 ^ x9, 12);
    x3 = (x3 + x4) | 0;
    x14 = rotate(x14 ^ x3, 8);
    x9 = (x9 + x14) | 0;
    x4 = rotate(x4 ^ x9, 7);
  }
  output.setInt32(0, x0 + input.getInt32(0, true), true);
  output.setInt32(4, x1 + input.getInt32(4, true), true);
  output.setInt32(8, x2 + input.getInt32(8, true), true);
  output.setInt32(12, x3 + input.getInt32(12, true), true);
  output.setInt32(16, x4 + input.getInt32(16, true), true);
  output.setInt32(20, x5 + input.getInt32(20, true), true);
  output.setInt32(24, x6 + input.getInt32(24, true), true);
  output.setInt32(28, x7 + input.getInt32(28, true), true);
  output.setInt32(32, x8 + input.getInt32(32, true), true);
  output.setInt32(36, x9 + input.getInt32(36, true), true);
  output.setInt32(40, x10 + input.getInt32(40, true), true);
  output.setInt32(44, x11 + input.getInt32(44, true), true);
  output.setInt32(48, x12 + input.getInt32(48, true), true);
  output.setInt32(52, x13 + input.getInt32(52, true), true);
  output.setInt32(56, x14 + input.getInt32(56, true), true);
  output.setInt32(60, x15 + input.getInt32(60, true), true);
}
