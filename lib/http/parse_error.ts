/** The one error of this room: bytes that are not the HTTP/1.1 we are willing to relay. */

/**
 * The status a proxy answers with. 400 malformed, 413 a body too long to be edited, 431 a head beyond the limits of `limits.ts`,
 * 501 a transfer coding or method we cannot frame, 505 another major version; 502 is all of these
 * when the fault is in a response.
 */
export type ParseStatus = 400 | 413 | 431 | 501 | 502 | 505;

/**
 * A message that was refused. `message` is meant for the peer: it names the rule and quotes only
 * names and lengths, never the value of a header that may hold a secret.
 */
export class HttpParseError extends Error {
  override readonly name = "HttpParseError";
  readonly status: ParseStatus;

  constructor(status: ParseStatus, message: string) {
    super(message);
    this.status = status;
  }
}

/** The connection ended before the message did. */
export class CutShortError extends HttpParseError {}

/** `text` in quotes, control characters escaped, cut to a length fit for an error message. */
export function quoted(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(short).replaceAll(
    /[\x7f-\x9f]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
