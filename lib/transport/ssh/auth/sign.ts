/**
 * Signing with a key from a file. ssh2 hands `node:crypto` private keys that OpenSSL reads and Deno
 * does not: an elliptic curve scalar with the sign byte of an SSH integer, or padding left from
 * decryption. Here they are written as RFC 5915 and RFC 8017 have them before they are used.
 */
import { Buffer } from "node:buffer";
import { sign } from "node:crypto";
// @ts-types="@types/ssh2"
import type { ParsedKey } from "ssh2";

/** Hash of RFC 5656 section 6.2.1, and length of the scalar in bytes, for each curve. */
const CURVES: Readonly<Record<string, { hash: string; size: number }>> = {
  "ecdsa-sha2-nistp256": { hash: "sha256", size: 32 },
  "ecdsa-sha2-nistp384": { hash: "sha384", size: 48 },
  "ecdsa-sha2-nistp521": { hash: "sha512", size: 66 },
};
const SEQUENCE = 0x30, OCTET_STRING = 0x04;

/**
 * The signature of `data`, as ssh2 wants it. `hash` is for RSA keys. Throws if the key is broken.
 */
export function signWith(key: ParsedKey, data: Buffer, hash: string | undefined): Buffer {
  const curve = CURVES[key.type];
  if (curve !== undefined) {
    return sign(curve.hash, data, wellFormed(key.getPrivatePEM(), curve.size));
  }
  if (key.type === "ssh-rsa") return sign(hash ?? "sha1", data, wellFormed(key.getPrivatePEM()));
  const signature: Buffer | Error = key.sign(data, hash);
  if (signature instanceof Error) throw signature;
  return signature;
}

/**
 * A PKCS #1 or SEC 1 private key in PEM without trailing bytes, and with a scalar of exactly `size`
 * bytes if that is given.
 */
export function wellFormed(pem: string, size?: number): string {
  const [, label = "", body = ""] = /-----BEGIN ([A-Z ]+)-----([^-]+)-----END/.exec(pem) ?? [];
  const der = Buffer.from(body, "base64");
  const content = readElement(der, 0, SEQUENCE).content;
  const fixed = size === undefined ? content : resizeScalar(content, size);
  const encoded = element(SEQUENCE, fixed).toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${encoded.trimEnd()}\n-----END ${label}-----\n`;
}

/** ECPrivateKey: an INTEGER of three bytes, then the scalar, then the curve and the public key. */
function resizeScalar(content: Buffer, size: number): Buffer {
  const version = content.subarray(0, 3);
  const scalar = readElement(content, version.length, OCTET_STRING);
  const significant = scalar.content.subarray(Math.max(0, scalar.content.length - size));
  const padding = Buffer.alloc(size - significant.length);
  return Buffer.concat([
    version,
    element(OCTET_STRING, Buffer.concat([padding, significant])),
    content.subarray(scalar.end),
  ]);
}

/** Reads one DER element (X.690 section 8.1); throws if it is another one or is cut off. */
function readElement(der: Buffer, at: number, tag: number): { content: Buffer; end: number } {
  const first = der[at + 1] ?? 0;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (der[at] !== tag || lengthBytes > 2 || start > der.length) throw new Error("Malformed key");
  const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
  if (start + length > der.length) throw new Error("Malformed key");
  return { content: der.subarray(start, start + length), end: start + length };
}

function element(tag: number, content: Buffer): Buffer {
  const length = content.length;
  const header = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
