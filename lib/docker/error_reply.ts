/**
 * Replies in the engine's own shape: `{"message": …}` with a status, as the docker CLI and the SDKs
 * expect it (`Error response from daemon: …`).
 */
import { AgentError, type AgentErrorOptions } from "../errors.ts";
import { ownReply } from "../http/own_reply.ts";

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
  return ownReply({
    status,
    type: "application/json",
    body: JSON.stringify({ message }) + "\n",
    headers: options.close ? { Connection: "close" } : {},
    head: options.head ?? false,
  });
}
