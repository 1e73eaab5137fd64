/** Responses of our own making as bytes; those that are passed on are never made anew. Pure. */
import { concat } from "../system/bytes.ts";

/** The reason phrases of RFC 9110, section 15, and of WebDAV's 507. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  407: "Proxy Authentication Required",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
};

type Fields = Readonly<Record<string, string>>;

/** A response whose body is there as a whole. */
export interface OwnReply {
  readonly status: number;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string;
  /** Beside the type and the length. */
  readonly headers?: Fields;
  /** The answer to HEAD has no body. Default: false. */
  readonly head?: boolean;
}

const encoder = new TextEncoder();

/** The response with its `Content-Length`. */
export function ownReply({ status, type, body, headers = {}, head = false }: OwnReply): Uint8Array {
  const bytes = encoder.encode(body);
  const fields = { "Content-Type": type, "Content-Length": `${bytes.length}`, ...headers };
  const start = ownReplyHead(status, fields);
  return head ? start : concat([start, bytes]);
}

/** A head alone, whose fields say how the body is framed. */
export function ownReplyHead(status: number, headers: Fields): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return encoder.encode(`HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}\r\n${lines}\r\n`);
}

/** What lets a client go on that waits for it before it sends its body (RFC 9110, section 10.1.1). */
export const CONTINUE: Uint8Array = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");
