/**
 * Replies in the engine's own shape: `{"message": …}` with a status, as the docker CLI and the SDKs
 * expect it (`Error response from daemon: …`).
 */
import { AgentError, type AgentErrorOptions } from "../errors.ts";

const encoder = new TextEncoder();

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  413: "Content Too Large",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** A request that is answered with `status` and the error's message instead of by the engine. */
export class ReplyError extends AgentError {
  readonly status: number;

  constructor(status: number, message: string, options: AgentErrorOptions = {}) {
    super("lost", message, options);
    this.status = status;
  }
}

/** Options of {@link errorReply}. */
export interface ErrorReplyOptions {
  /** Whether the connection ends after this reply (`Connection: close`). Default: false. */
  close?: boolean;
  /** Leaves the body out, as the answer to HEAD does. Default: false. */
  head?: boolean;
}

/** A whole HTTP/1.1 response as bytes. */
export function errorReply(
  status: number,
  message: string,
  options: ErrorReplyOptions = {},
): Uint8Array {
  const body = encoder.encode(JSON.stringify({ message }) + "\n");
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    ...(options.close ? ["Connection: close"] : []),
  ].join("\r\n") + "\r\n\r\n";
  const bytes = encoder.encode(head);
  return options.head ? bytes : concat(bytes, body);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
