/** Answers of the guest: JSON with a length, errors in the engine's form. */
import { ReplyError } from "../docker/error_reply.ts";

/** An answer as data. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  411: "Length Required",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  426: "Upgrade Required",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

const encoder = new TextEncoder();

/** The refusal of a request; the handler throws it, the connection answers with it. */
export function refuse(status: number, message: string, cause?: unknown): ReplyError {
  return new ReplyError(status, message, { cause });
}

/** An error in the engine's form. */
export function errorAnswer(status: number, message: string): Reply {
  const headers: Record<string, string> = status === 401
    ? { "WWW-Authenticate": "Bearer" } // RFC 9110, section 11.6.1
    : status === 503
    ? { "Retry-After": "1" }
    : {};
  return { status, body: { message }, headers };
}

/** The answer as bytes. `close`: it is the last one on its connection. */
export function encodeReply({ status, body, headers = {} }: Reply, close: boolean): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(body) + "\n");
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
    "Content-Type: application/json",
    `Content-Length: ${bytes.length}`,
    "Cache-Control: no-store",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(close ? ["Connection: close"] : []),
  ];
  const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
  const all = new Uint8Array(head.length + bytes.length);
  all.set(head);
  all.set(bytes, head.length);
  return all;
}

/** The head after which a connection is no longer HTTP, in Docker's own words. */
export function encodeUpgrade(headers: readonly (readonly [string, string])[]): Uint8Array {
  const more = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return encoder.encode(
    `HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${more}\r\n`,
  );
}
