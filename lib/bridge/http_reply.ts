/** What the HTTP proxy answers by itself: short texts, each the last on its connection. Pure. */
import { ownReply } from "../http/own_reply.ts";
import type { FailureKind } from "./failure.ts";

/** The status for each kind of failure (RFC 9110, section 15). */
export const STATUS_FOR: Readonly<Record<FailureKind, number>> = {
  forbidden: 403,
  refused: 502,
  unreachable: 502,
  "no-network": 502,
  "no-guest": 503,
  timeout: 504,
  unsupported: 501,
  failed: 502,
};

/** What a client gets that has to sign in (RFC 7617). */
export const CHALLENGE = {
  "Proxy-Authenticate": 'Basic realm="remote-docker-agent", charset="UTF-8"',
} as const;

/** After CONNECT has succeeded; everything that follows is the client's own. */
export const ESTABLISHED: Uint8Array = new TextEncoder().encode(
  "HTTP/1.1 200 Connection established\r\n\r\n",
);

/** Parts of a {@link reply}; the body is plain text unless `headers` says otherwise. */
export interface ReplyParts {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer to HEAD has no body. */
  readonly head?: boolean;
}

/** A whole response as bytes. */
export function reply({ status, body, headers = {}, head = false }: ReplyParts): Uint8Array {
  const { "Content-Type": type = "text/plain; charset=utf-8", ...others } = headers;
  const fields = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    ...others,
    Connection: "close",
  };
  return ownReply({ status, type, body, headers: fields, head });
}

/** The user and the password of a `Proxy-Authorization` field; `undefined` where there are none. */
export function parseCredentials(
  field: string | undefined,
): { user: string; password: string } | undefined {
  const [, encoded = ""] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(field ?? "") ?? [];
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(encoded));
    const at = text.indexOf(":");
    return at < 0 ? undefined : { user: text.slice(0, at), password: text.slice(at + 1) };
  } catch {
    return undefined; // not Base64: as good as none
  }
}
