/** Answers of the guest: JSON with a length, errors in the engine's form. */
import { ReplyError } from "../docker/error_reply.ts";
import { ownReply } from "../http/own_reply.ts";

/** An answer as data. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

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
  return ownReply({
    status,
    type: "application/json",
    body: JSON.stringify(body) + "\n",
    headers: { "Cache-Control": "no-store", ...headers, ...(close && { Connection: "close" }) },
  });
}

/** The head after which a connection is no longer HTTP, in Docker's own words. */
export function encodeUpgrade(headers: readonly (readonly [string, string])[]): Uint8Array {
  const more = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return encoder.encode(
    `HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${more}\r\n`,
  );
}
