/**
 * The algorithms to agree on, cheapest first as measured on Deno, where each packet of 32 KiB pays
 * for `node:crypto`: ChaCha20 (2.5 s of CPU for each GB, relaying included; OpenSSH's own first
 * choice), CTR with an encrypt-then-mac HMAC (3.5 s), GCM (4.7 s). Nothing here is weaker than what
 * ssh(1) offers by default.
 */
// @ts-types="@types/ssh2"
import type { Algorithms, CipherAlgorithm, ServerHostKeyAlgorithm } from "ssh2";
import { ciphersHooked } from "../ssh2.ts";

const CHACHA: CipherAlgorithm = "chacha20-poly1305@openssh.com";
const AES: readonly CipherAlgorithm[] = [
  "aes128-ctr",
  "aes256-ctr",
  "aes192-ctr",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
];

/**
 * What to offer a host that is known by keys of the given types. `nested` is a connection inside
 * another one: ssh2 keeps the ChaCha20 nonce in one buffer for all connections and would overwrite
 * it while the outer connection carries the packet of the inner one.
 */
export function algorithms(
  serverHostKey: ServerHostKeyAlgorithm[],
  nested: boolean,
): Algorithms {
  return {
    serverHostKey,
    // Without the hook it leaks, so it is left for hosts that take nothing else.
    cipher: nested ? [...AES] : ciphersHooked ? [CHACHA, ...AES] : [...AES, CHACHA],
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
