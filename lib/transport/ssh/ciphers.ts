/**
 * The algorithms to agree on, fastest first as measured on Deno: ChaCha20 (600 MB/s; OpenSSH's own
 * first choice), CTR with an encrypt-then-mac HMAC (350 MB/s), then GCM (230 MB/s). What decides is
 * the cost of `node:crypto` for each packet of 32 KiB. This is the one place to change if ciphers get
 * another implementation. Nothing here is weaker than what ssh(1) offers by default.
 */
// @ts-types="@types/ssh2"
import type { Algorithms, ServerHostKeyAlgorithm } from "ssh2";

/** The algorithms of a connection whose host is known by keys of the given types. */
export function algorithms(serverHostKey: ServerHostKeyAlgorithm[]): Algorithms {
  return {
    serverHostKey,
    cipher: [
      "chacha20-poly1305@openssh.com",
      "aes128-ctr",
      "aes256-ctr",
      "aes192-ctr",
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
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
