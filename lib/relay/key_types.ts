/**
 * The kinds of keys the relay accepts and makes, and the little of their wire format (RFC 4253,
 * section 6.6) that has to be read here. Pure.
 */
import { Buffer } from "node:buffer";
import { basename } from "node:path";

/** What `--type` may be. */
export const KEY_KINDS = ["ed25519", "rsa"] as const;
export type KeyKind = typeof KEY_KINDS[number];

/** What kind of key a file of this name holds by custom: `id_rsa` and the like are RSA. */
export function kindOfFile(path: string): KeyKind {
  return /rsa/i.test(basename(path)) ? "rsa" : "ed25519";
}

/** The public keys a client may sign in with; the names are those of `authorized_keys`. */
const CLIENT_KEY_TYPES: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];

/** Names that stand at the beginning of a key, supported or not (sshd(8), AUTHORIZED_KEYS). */
const ANY_KEY_TYPE = /^(ssh-|ecdsa-sha2-|sk-|webauthn-sk-|rsa-sha2-)[a-z0-9@.-]+$/;

/** Least size of an RSA key in bits; `RequiredRSASize` of sshd_config(5). */
const MIN_RSA_BITS = 1024;

/** Whether a word names a type of key rather than options. */
export function looksLikeKeyType(word: string): boolean {
  return ANY_KEY_TYPE.test(word);
}

/** Why a key of this type and wire format cannot be used; `undefined` if it can. */
export function keyProblem(type: string, blob: Uint8Array): string | undefined {
  if (!CLIENT_KEY_TYPES.includes(type)) return `keys of type "${type}" are not supported`;
  const [name, ...fields] = readStrings(blob) ?? [];
  if (name === undefined || Buffer.from(name).toString("latin1") !== type) {
    return "the key is damaged";
  }
  const modulus = fields[1];
  if (type !== "ssh-rsa") return fields.length === 0 ? "the key is damaged" : undefined;
  if (modulus === undefined) return "the key is damaged";
  const bits = bitLength(modulus);
  return bits < MIN_RSA_BITS ? `an RSA key of ${bits} bits is too small` : undefined;
}

/** The strings of a wire-format blob; `undefined` if a length points past the end. */
function readStrings(blob: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < blob.length;) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + view.getUint32(at);
    if (end > blob.length) return undefined;
    strings.push(blob.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

function bitLength(mpint: Uint8Array): number {
  const first = mpint.findIndex((byte) => byte !== 0);
  if (first < 0) return 0;
  return (mpint.length - first - 1) * 8 + (32 - Math.clz32(mpint[first] ?? 0));
}
