/**
 * The first bytes of a head, judged one by one as they come: can this still become HTTP/1? It lets
 * a client that speaks something else (a TLS handshake, the HTTP/2 preface, SSH) be told apart
 * within a few bytes, before anything is gathered or waited for.
 */
import { HttpParseError } from "./parse_error.ts";
import { MAX_LEADING_EMPTY_LINES, MAX_METHOD_BYTES } from "./limits.ts";
import { TOKEN_BYTES } from "./syntax.ts";

/** `more`: undecided, give the next bytes. `http`: a head, as far as can be told. `alien`: not. */
export type Verdict = "more" | "http" | "alien";

/** A judge of one head's beginning; `reset` makes it ready for the next head. */
export interface Opening {
  /** Looks at `chunk` from `from` on; must see each byte once, in order, until it has decided. */
  examine(chunk: Uint8Array, from: number): Verdict;
  reset(): void;
}

const CR = 13;
const LF = 10;
const SPACE = 32;

/** RFC 9113 §3.4, up to the point where it is no HTTP/1 request line any more. */
const HTTP2_PREFACE = new TextEncoder().encode("PRI * HTTP/2.0");
const PREFACE_METHOD = "PRI";

/** `*( CRLF ) token SP`, the token not overlong, the line not that of the HTTP/2 preface. */
export class RequestOpening implements Opening {
  #emptyLines = 0;
  #afterCr = false;
  /** Bytes of the request line seen. */
  #seen = 0;
  /** Whether these bytes are those of the preface. */
  #preface = true;

  reset(): void {
    this.#emptyLines = 0;
    this.#afterCr = false;
    this.#seen = 0;
    this.#preface = true;
  }

  /** @throws {HttpParseError} 501 for a method longer than {@link MAX_METHOD_BYTES}. */
  examine(chunk: Uint8Array, from: number): Verdict {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      const verdict = this.#seen === 0 && (byte === CR || byte === LF || this.#afterCr)
        ? this.#emptyLine(byte)
        : this.#lineByte(byte);
      if (verdict !== "more") return verdict;
    }
    return "more";
  }

  #emptyLine(byte: number): Verdict {
    if (byte !== (this.#afterCr ? LF : CR)) return "alien";
    if (this.#afterCr) this.#emptyLines++;
    else if (this.#emptyLines === MAX_LEADING_EMPTY_LINES) return "alien";
    this.#afterCr = !this.#afterCr;
    return "more";
  }

  #lineByte(byte: number): Verdict {
    const wasPreface = this.#preface;
    this.#preface &&= byte === HTTP2_PREFACE[this.#seen];
    this.#seen++;
    if (this.#preface) return this.#seen === HTTP2_PREFACE.length ? "alien" : "more";
    const methodEnded = wasPreface && this.#seen > PREFACE_METHOD.length + 1;
    if (byte === SPACE && this.#seen > 1 || methodEnded) return "http";
    if (TOKEN_BYTES[byte] === 0) return "alien";
    if (this.#seen > MAX_METHOD_BYTES) {
      throw new HttpParseError(501, `Method is longer than ${MAX_METHOD_BYTES} bytes`);
    }
    return "more";
  }
}

const VERSION_PREFIX = new TextEncoder().encode("HTTP/");

/** `HTTP/`: a response has no leading empty lines and nothing to fall back to. */
export class ResponseOpening implements Opening {
  #seen = 0;

  reset(): void {
    this.#seen = 0;
  }

  examine(chunk: Uint8Array, from: number): Verdict {
    for (let at = from; at < chunk.length; at++) {
      if (chunk[at] !== VERSION_PREFIX[this.#seen]) return "alien";
      if (++this.#seen === VERSION_PREFIX.length) return "http";
    }
    return "more";
  }
}
