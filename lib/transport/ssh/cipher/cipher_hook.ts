/**
 * Makes ssh2's ChaCha20 usable on Deno. ssh2 creates three ciphers for each packet, uses each once
 * and drops it; Deno frees a cipher only when it is finished, so 750 bytes of each would be lost
 * for good. ssh2 takes its two constructors from `node:crypto` while it is loaded, and only for
 * that long they are replaced by ones whose ChaCha20 finishes itself, or is done by `chacha20.ts`.
 * So is the comparison of MACs: Deno's takes as long for 16 bytes as their encryption.
 */
import crypto from "node:crypto";
import { Buffer } from "node:buffer";
import { equal } from "@stablelib/constant-time";
import { chacha20, SHORT_BYTES } from "./chacha20.ts";

const ONE_SHOT = "chacha20";
/** What ssh2 gets in the place of the functions of `node:crypto` by these names. */
const REPLACEMENTS = {
  createCipheriv: oneShot(crypto.createCipheriv as Create<Cipher>),
  createDecipheriv: oneShot(crypto.createDecipheriv as Create<Cipher>),
  timingSafeEqual: equal,
};

interface Cipher {
  update(data: Uint8Array): Buffer;
  final(): Buffer;
}
type Create<C> = (algorithm: string, key: Uint8Array, iv: Uint8Array, ...rest: unknown[]) => C;

/**
 * `create`, but a ChaCha20 cipher is good for one `update`, which also frees it: a short one is ours
 * and has nothing to free.
 */
export function oneShot<C extends Cipher>(create: Create<C>): Create<Cipher> {
  return (algorithm, key, iv, ...rest) => {
    if (algorithm !== ONE_SHOT) return create(algorithm, key, iv, ...rest);
    return {
      update(data: Uint8Array): Buffer {
        if (data.length <= SHORT_BYTES) return chacha20(key, iv, data);
        const cipher = create(algorithm, key, iv, ...rest);
        const output = cipher.update(data);
        cipher.final();
        return output;
      },
      final: () => Buffer.alloc(0),
    };
  };
}

/**
 * Replaces the functions until the returned one is called, which tells whether all of them were
 * taken in the meantime. To be called around loading ssh2; see `ssh/ssh2.ts`.
 */
export function hookCiphers(): () => boolean {
  const taken = new Set<string>();
  const restore = Object.entries(REPLACEMENTS).map(([name, replacement]) => {
    const descriptor = Object.getOwnPropertyDescriptor(crypto, name);
    if (descriptor?.configurable !== true) return () => {};
    Object.defineProperty(crypto, name, {
      configurable: true,
      enumerable: true,
      get() {
        taken.add(name);
        return replacement;
      },
    });
    return () => Object.defineProperty(crypto, name, descriptor);
  });
  return () => {
    for (const undo of restore) undo();
    return taken.size === restore.length;
  };
}
