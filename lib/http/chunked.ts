/**
 * The chunked transfer coding (RFC 9112 §7.1): a scanner that follows it byte by byte without
 * holding any of it, and the encoding of chunks for a body that was edited.
 */
import { MAX_CHUNK_LINE_BYTES, MAX_CHUNK_SIZE_DIGITS, MAX_TRAILER_BYTES } from "./limits.ts";
import { HttpParseError } from "./parse_error.ts";
import { FIELD_VALUE_BYTES, HEX_VALUES, TOKEN_BYTES } from "./syntax.ts";

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const COLON = 58;
const QUOTE = 34;
const BACKSLASH = 92;

/** What the scanner expects next. */
type State =
  | "size"
  | "extension"
  | "extension-quoted"
  | "extension-escape"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailer-start"
  | "trailer-name"
  | "trailer-value"
  | "trailer-lf"
  | "last-lf"
  | "done";

/**
 * Follows one chunked body. Extensions and trailers are checked for their form and otherwise left
 * alone: the caller relays the very bytes. White space after a chunk size is refused, as llhttp
 * does, although RFC 9112 has a tolerant reader skip it before an extension.
 */
export class ChunkedScanner {
  #state: State = "size";
  /** In `data` the bytes to come; in `size` the value so far. */
  #size = 0;
  #digits = 0;
  /** Bytes of the chunk line or of the trailer section so far. */
  #count = 0;

  /** Whether the body has ended, trailers included. */
  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Follows `chunk` from `from` to the end of the body or of `chunk`. What is sound before a
   * malformed byte is returned first, so that the result does not depend on how bytes are cut.
   *
   * @param data Receives views of `chunk`: the decoded payload, in order.
   * @returns The offset after the last byte that belongs to the body.
   * @throws {HttpParseError} 400 when the byte at `from` is not the chunked coding.
   */
  scan(chunk: Uint8Array, from: number, data: Uint8Array[]): number {
    let at = from;
    try {
      while (at < chunk.length && this.#state !== "done") {
        if (this.#state === "data") {
          at = this.#takeData(chunk, at, data);
        } else {
          this.#state = this.#next(chunk[at] ?? 0);
          at++;
        }
      }
    } catch (error) {
      // Thrown again by the next call, which starts at the malformed byte.
      if (at === from) throw error;
    }
    return at;
  }

  #takeData(chunk: Uint8Array, from: number, data: Uint8Array[]): number {
    const end = Math.min(chunk.length, from + this.#size);
    data.push(chunk.subarray(from, end));
    this.#size -= end - from;
    if (this.#size === 0) this.#state = "data-cr";
    return end;
  }

  /** The state after `byte`. It throws for a malformed byte, and again when given it again. */
  #next(byte: number): State {
    switch (this.#state) {
      case "size":
      case "extension":
      case "extension-quoted":
      case "extension-escape":
        return this.#lineByte(byte);
      case "size-lf":
        return this.#endLine(byte);
      case "data-cr":
        return expected(byte === CR, "data-lf", "Chunk data is not followed by CRLF");
      case "data-lf":
        this.#size = this.#digits = this.#count = 0;
        return expected(byte === LF, "size", "Chunk data is not followed by CRLF");
      default:
        return this.#trailerByte(byte);
    }
  }

  #lineByte(byte: number): State {
    if (++this.#count > MAX_CHUNK_LINE_BYTES - 1) {
      throw new HttpParseError(400, `Chunk line is longer than ${MAX_CHUNK_LINE_BYTES} bytes`);
    }
    if (this.#state !== "size") return extension(this.#state, byte);
    if (byte === CR && this.#digits > 0) return "size-lf";
    if (byte === SEMICOLON && this.#digits > 0) return "extension";
    return this.#sizeDigit(byte);
  }

  #sizeDigit(byte: number): State {
    const value = HEX_VALUES[byte] ?? 255;
    if (value > 15) throw new HttpParseError(400, "Malformed chunk size");
    this.#size = this.#size * 16 + value;
    if (++this.#digits > MAX_CHUNK_SIZE_DIGITS || this.#size > Number.MAX_SAFE_INTEGER) {
      throw new HttpParseError(400, "Chunk size is too large");
    }
    return "size";
  }

  #endLine(byte: number): State {
    this.#count = 0;
    const next = this.#size > 0 ? "data" : "trailer-start";
    return expected(byte === LF, next, "Chunk line does not end with CRLF");
  }

  #trailerByte(byte: number): State {
    if (++this.#count > MAX_TRAILER_BYTES) {
      throw new HttpParseError(400, `Trailers are larger than ${MAX_TRAILER_BYTES} bytes`);
    }
    switch (this.#state) {
      case "trailer-start":
        return byte === CR ? "last-lf" : trailerName(byte);
      case "trailer-name":
        return byte === COLON ? "trailer-value" : trailerName(byte);
      case "trailer-value":
        if (byte === CR) return "trailer-lf";
        return expected(FIELD_VALUE_BYTES[byte] === 1, "trailer-value", MALFORMED_TRAILER);
      case "trailer-lf":
        return expected(byte === LF, "trailer-start", MALFORMED_TRAILER);
      default:
        return expected(byte === LF, "done", MALFORMED_TRAILER);
    }
  }
}

/** RFC 9112 §7.1.1, as far as which bytes may stand where. */
function extension(state: State, byte: number): State {
  const quoted = state !== "extension";
  if (!quoted && byte === CR) return "size-lf";
  if (byte === QUOTE && state !== "extension-escape") {
    return quoted ? "extension" : "extension-quoted";
  }
  const allowed = quoted ? FIELD_VALUE_BYTES : EXTENSION_BYTES;
  const escapes = state === "extension-quoted" && byte === BACKSLASH;
  const next = quoted ? "extension-quoted" : "extension";
  return expected(allowed[byte] === 1, escapes ? "extension-escape" : next, MALFORMED_EXTENSION);
}

/** 1 for each byte that may stand outside quotes in extensions. Not to be written to. */
const EXTENSION_BYTES = TOKEN_BYTES.map((token, byte) =>
  token | Number("=; \t".includes(String.fromCharCode(byte)))
);

const MALFORMED_EXTENSION = "Malformed chunk extension";
const MALFORMED_TRAILER = "Malformed trailer";

function trailerName(byte: number): State {
  return expected(TOKEN_BYTES[byte] === 1, "trailer-name", MALFORMED_TRAILER);
}

function expected(holds: boolean, next: State, otherwise: string): State {
  if (!holds) throw new HttpParseError(400, otherwise);
  return next;
}

/** The end of a chunked body without trailers. Not to be written to. */
export const LAST_CHUNK: Uint8Array = new TextEncoder().encode("0\r\n\r\n");

/** One chunk that holds a copy of `data`; nothing for empty data, which would end the body. */
export function encodeChunk(data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (data.length === 0) return new Uint8Array();
  const line = new TextEncoder().encode(`${data.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(line.length + data.length + 2);
  chunk.set(line);
  chunk.set(data, line.length);
  chunk.set([CR, LF], line.length + data.length);
  return chunk;
}
