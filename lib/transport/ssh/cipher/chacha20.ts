/**
 * ChaCha20 (RFC 8439, section 2.4) for short messages. ssh2 needs three ciphers for a packet, and
 * each of `node:crypto` is a stream with a native object behind it, which for a few bytes takes far
 * longer than the cipher itself. Neither does this one make typed arrays: on Deno the smallest is a
 * block of memory of its own, and costs as much again.
 */
import { Buffer } from "node:buffer";
import { newInstance } from "@chainsafe/as-chacha20poly1305";

/** Up to this many bytes it is done here; the system's implementation is faster beyond. */
export const SHORT_BYTES = 256;

/** Its memory is used within one call only: all that it works with is put there before. */
const wasm = newInstance();
const at = ({ value }: { value: number }, length: number) =>
  new Uint8Array(wasm.memory.buffer, value, length);
const keyOfCall = at(wasm.chacha20Key, 32);
const stateOfCall = at(wasm.chacha20Counter, 16);
const input = at(wasm.chacha20Input, SHORT_BYTES);
const output = at(wasm.chacha20Output, SHORT_BYTES);

/**
 * Encrypts or decrypts up to {@link SHORT_BYTES}. `counterAndNonce` is what OpenSSL takes for an IV:
 * 16 bytes, the first four the number of the first block, little-endian.
 */
export function chacha20(key: Uint8Array, counterAndNonce: Uint8Array, data: Uint8Array): Buffer {
  keyOfCall.set(key);
  stateOfCall.set(counterAndNonce);
  input.set(data);
  wasm.chacha20StreamXORUpdate(data.length);
  const result = Buffer.allocUnsafe(data.length);
  for (let i = 0; i < result.length; i++) result[i] = output[i]!;
  return result;
}
