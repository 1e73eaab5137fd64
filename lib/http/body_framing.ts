/**
 * How long a message is, and whether another one may follow: RFC 9112 §6.3 and §9.3 as pure
 * functions of a head. Stricter than the RFC where two readers could disagree (request smuggling):
 * what is not plainly one thing is refused.
 */
import type { HeaderList, RequestHead, ResponseHead } from "./head.ts";
import { HttpParseError, quoted } from "./parse_error.ts";

/**
 * What follows a head. `none`: nothing. `length`: so many bytes. `chunked`: chunks up to the last
 * one and its trailers. `close`: everything until the sender ends its side (responses only).
 * `tunnel`: HTTP is over, every further byte belongs to another protocol (responses only).
 */
export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" }
  | { readonly kind: "tunnel" };

const NONE: BodyFraming = { kind: "none" };
const CHUNKED: BodyFraming = { kind: "chunked" };
const CLOSE: BodyFraming = { kind: "close" };
const TUNNEL: BodyFraming = { kind: "tunnel" };

/**
 * The framing of a request. An upgrade or CONNECT request is framed like any other; whether its
 * connection becomes a tunnel is for the response to say.
 *
 * @throws {HttpParseError} 400, or 501 for a transfer coding other than `chunked`.
 */
export function requestFraming(head: RequestHead): BodyFraming {
  return declaredFraming(head) ?? NONE;
}

/**
 * The framing of a response to a request with `requestMethod`. An answer to HEAD, a 1xx, 204 or
 * 304 has no body whatever its fields say, but those fields must still be sound.
 *
 * @throws {HttpParseError} 400 or 501, see {@link requestFraming}.
 */
export function responseFraming(head: ResponseHead, requestMethod: string): BodyFraming {
  const declared = declaredFraming(head);
  const { status } = head;
  if (status === 101) return TUNNEL;
  if (requestMethod === "CONNECT" && status >= 200 && status < 300) return TUNNEL;
  if (requestMethod === "HEAD" || status < 200 || status === 204 || status === 304) return NONE;
  return declared ?? CLOSE;
}

function declaredFraming(head: RequestHead | ResponseHead): BodyFraming | undefined {
  const { headers } = head;
  const lengths = headers.getAll("Content-Length");
  if (!headers.has("Transfer-Encoding")) return contentLength(lengths);
  if (lengths.length > 0) {
    throw new HttpParseError(400, "Message has both Content-Length and Transfer-Encoding");
  }
  if (head.version === "1.0") {
    throw new HttpParseError(400, "HTTP/1.0 message has a Transfer-Encoding");
  }
  checkTransferEncoding(headers);
  return CHUNKED;
}

/** RFC 9112 §6.1 and §7: `chunked`, once, is the only coding that is relayed. */
function checkTransferEncoding(headers: HeaderList): void {
  const written = headers.getAll("Transfer-Encoding").join(", ");
  const codings = headers.tokens("Transfer-Encoding").map((each) => each.toLowerCase());
  if (codings.length === 0 || codings.slice(0, -1).includes("chunked")) {
    throw new HttpParseError(400, `Transfer-Encoding ${quoted(written)} is malformed`);
  }
  if (written.toLowerCase() !== "chunked") {
    throw new HttpParseError(501, `Transfer-Encoding ${quoted(written)} is not supported`);
  }
}

function contentLength(values: readonly string[]): BodyFraming | undefined {
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length > 1) {
    throw new HttpParseError(400, `Message has ${values.length} Content-Length fields`);
  }
  const length = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(length)) {
    throw new HttpParseError(400, `Content-Length ${quoted(value)} is not a length`);
  }
  return { kind: "length", length };
}

/**
 * Whether the sender of this head is willing to use the connection for another message (RFC 9112
 * §9.3). A response framed by `close` or `tunnel` ends its connection whatever this says.
 */
export function keepsAlive(head: RequestHead | ResponseHead): boolean {
  if (head.headers.hasToken("Connection", "close")) return false;
  return head.version === "1.1" || head.headers.hasToken("Connection", "keep-alive");
}

/** Whether the client waits for an interim 100 before it sends the body (RFC 9110 §10.1.1). */
export function expectsContinue(head: RequestHead): boolean {
  return head.version === "1.1" && head.headers.hasToken("Expect", "100-continue");
}
