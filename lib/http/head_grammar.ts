/**
 * The text of a head to its fields, strictly by RFC 9112 §3 to §5. Bare CR, obs-fold, white space
 * before a colon and control characters are refused, never repaired: a repaired head would be
 * relayed as bytes that the next reader may understand in another way.
 */
import { HeaderList, type RequestHead, type ResponseHead } from "./head.ts";
import { HttpParseError, quoted } from "./parse_error.ts";
import { decodeLatin1, isTarget, isToken, trimOws } from "./syntax.ts";

const VERSION = /^HTTP\/([0-9])\.([0-9])$/;
const STATUS_LINE = /^(\S+) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/**
 * The fields of a whole request head.
 *
 * @param raw The head up to and with its empty line; each LF in it follows a CR.
 * @throws {HttpParseError} 400 malformed, 505 not HTTP/1.0 or HTTP/1.1.
 */
export function parseRequestHead(raw: Uint8Array): RequestHead {
  const text = decodeLatin1(raw);
  const lineEnd = text.indexOf("\r\n");
  const [method = "", target = "", protocol = "", ...more] = text.slice(0, lineEnd).split(" ");
  if (!isToken(method) || !isTarget(target, method) || protocol === "" || more.length > 0) {
    throw new HttpParseError(400, "Malformed request line");
  }
  const version = parseVersion(protocol);
  const headers = parseFields(text, lineEnd + 2);
  checkHost(version, headers);
  return { method, target, version, headers, raw };
}

/**
 * The fields of a whole response head. A status line may lack the space before an absent reason,
 * as Go and others tolerate.
 *
 * @param raw The head up to and with its empty line; each LF in it follows a CR.
 * @throws {HttpParseError} 400 malformed, 505 not HTTP/1.0 or HTTP/1.1.
 */
export function parseResponseHead(raw: Uint8Array): ResponseHead {
  const text = decodeLatin1(raw);
  const lineEnd = text.indexOf("\r\n");
  const match = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (match === null) throw new HttpParseError(400, "Malformed status line");
  const [, protocol = "", status, reason = ""] = match;
  const version = parseVersion(protocol);
  return { status: Number(status), reason, version, headers: parseFields(text, lineEnd + 2), raw };
}

function parseVersion(text: string): "1.0" | "1.1" {
  if (text === "HTTP/1.1") return "1.1";
  if (text === "HTTP/1.0") return "1.0";
  if (VERSION.test(text)) throw new HttpParseError(505, `Version ${text} is not supported`);
  throw new HttpParseError(400, `Malformed HTTP version ${quoted(text)}`);
}

function parseFields(text: string, start: number): HeaderList {
  const headers = new HeaderList();
  let at = start;
  for (let end = text.indexOf("\r\n", at); end > at; end = text.indexOf("\r\n", at)) {
    parseField(headers, text.slice(at, end));
    at = end + 2;
  }
  return headers;
}

function parseField(headers: HeaderList, line: string): void {
  if (line.startsWith(" ") || line.startsWith("\t")) {
    throw new HttpParseError(400, "Header line starts with white space (obs-fold)");
  }
  const colon = line.indexOf(":");
  if (colon < 0) throw new HttpParseError(400, "Header line has no colon");
  headers.append(line.slice(0, colon), trimOws(line.slice(colon + 1)));
}

/** RFC 9112 §3.2: exactly one Host in HTTP/1.1, at most one before. It may be empty. */
function checkHost(version: "1.0" | "1.1", headers: HeaderList): void {
  const count = headers.getAll("Host").length;
  if (count > 1) throw new HttpParseError(400, `Request has ${count} Host fields`);
  if (count === 0 && version === "1.1") throw new HttpParseError(400, "Request has no Host field");
}
