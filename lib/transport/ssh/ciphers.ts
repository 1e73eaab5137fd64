/**
 * The algorithms to agree on, fastest first as measured on Deno, whose `node:crypto` decides: CTR
 * with an encrypt-then-mac HMAC, then GCM, ChaCha20 last (it runs in JavaScript). This is the one
 * place to change if ciphers get another implementation. Nothing here is weaker than what ssh(1)
 * offers by default.
 */
// @ts-types="@types/ssh2"
import type { Algorithms, ServerHostKeyAlgorithm } from "ssh2";

/** The algorithms of a connection whose host is known by keys of the given types. */
export function algorithms(serverHostKey: ServerHostKeyAlgorithm[]): Algorithms {
  return {
    serverHostKey,
    cipher: [
      "aes128-ctr",
      "aes256-ctr",
      "aes192-ctr",
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "chacha20-poly1305@openssh.com",
    ],
    hmac: [
      "hmac-sha2-256-etm@openssh.com",
      "hmac-sha2-512-etm@openssh.com",
      "hmac-sha1-etm@openssh.com",
      "hmac-sha2-256",
      "hmac-sha2-512",
      "hmac-sha1",
    ],
    compress: ["none"],
  };
}
