import { Buffer } from "node:buffer";
import crypto from "node:crypto";
import { assert, assertEquals } from "../../../../support/assert.ts";
import { SHORT_BYTES } from "../../../../../lib/transport/ssh/cipher/chacha20.ts";
import { oneShot } from "../../../../../lib/transport/ssh/cipher/cipher_hook.ts";
import { ciphersHooked } from "../../../../../lib/transport/ssh/ssh2.ts";

const key = Buffer.alloc(32, 1);
const iv = Buffer.alloc(16, 2);

const encrypting = (algorithm: string, key: Uint8Array, iv: Uint8Array) =>
  crypto.createCipheriv(algorithm, key, iv);
const decrypting = (algorithm: string, key: Uint8Array, iv: Uint8Array) =>
  crypto.createDecipheriv(algorithm, key, iv);

// The resource sanitizer is what tells whether the ciphers were freed.
Deno.test("a ChaCha20 cipher of ours frees itself and gives the same bytes, short or long", () => {
  for (const length of [0, 1, 4, 63, 64, 65, SHORT_BYTES, SHORT_BYTES + 1, 40_000]) {
    const data = crypto.randomBytes(length);
    const plain = crypto.createCipheriv("chacha20", key, iv);
    const expected = plain.update(data);
    plain.final();
    const encrypted = oneShot(encrypting)("chacha20", key, iv).update(data);
    assertEquals(encrypted, expected);
    const decipher = oneShot(decrypting)("chacha20", key, iv);
    assertEquals(decipher.update(encrypted), data);
    assertEquals(decipher.final().length, 0);
  }
});

Deno.test("other ciphers are left alone", () => {
  const cipher = oneShot(encrypting)("aes-256-ctr", key, iv);
  const parts = [cipher.update(Buffer.from("a")), cipher.update(Buffer.from("b")), cipher.final()];
  assertEquals(Buffer.concat(parts).length, 2);
});

Deno.test("ssh2 is loaded with our ciphers, and nobody else gets them", () => {
  assert(ciphersHooked);
  const descriptor = Object.getOwnPropertyDescriptor(crypto, "createCipheriv");
  assertEquals(typeof descriptor?.value, "function");
});
