/** The character classes of RFC 9110 §5 and the mapping between bytes and strings. */
import { Buffer } from "node:buffer";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e]+$/;
const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Whether `text` is a `token` (RFC 9110 §5.6.2): a method or a field name. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether `text` is a field value or a reason phrase: no control but HTAB, nothing above 0xff. */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE.test(text);
}

/**
 * Whether `text` may be the target of a request with `method` (RFC 9112 §3.2): visible ASCII, and
 * a path, an absolute URL or `*`. Anything may follow CONNECT, which the engine does not know.
 */
export function isTarget(text: string, method: string): boolean {
  return TARGET.test(text) &&
    (text.startsWith("/") || text === "*" || method === "CONNECT" || ABSOLUTE_FORM.test(text));
}

function table(accepts: (text: string) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(accepts(String.fromCharCode(byte))));
}

/** 1 for each byte that is a token character. Not to be written to. */
export const TOKEN_BYTES = table(isToken);

/** 1 for each byte that may stand in a field value. Not to be written to. */
export const FIELD_VALUE_BYTES = table(isFieldValue);

/** The value of each byte as a hex digit, 255 for any other byte. Not to be written to. */
export const HEX_VALUES = Uint8Array.from(
  { length: 256 },
  (_, byte) =>
    /[0-9a-fA-F]/.test(String.fromCharCode(byte)) ? parseInt(String.fromCharCode(byte), 16) : 255,
);

/**
 * One character per byte, 0x00 to 0xff. `TextDecoder("latin1")` is windows-1252 by the Encoding
 * Standard and would not give every byte back.
 */
export function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/**
 * The bytes of a string made of characters up to 0xff.
 *
 * @throws {RangeError} on any other character.
 */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) throw new RangeError(`Cannot encode character ${code} as one byte`);
    bytes[at] = code;
  }
  return bytes;
}

/** `text` without spaces and tabs at both ends: OWS of RFC 9110 §5.6.3, nothing else. */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
