/**
 * Who may use the guest. A client is known by its certificate, by a token, or by being on this
 * machine; asked once per request. See docs/guest.md, "Who may".
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHead } from "../http/head.ts";
import { checkClientHeaders } from "../listen/host_policy.ts";
import { refuse } from "./reply.ts";

/** The listener a client came through. */
export interface Door {
  readonly kind: "tcp" | "unix";
  /** Only this machine gets there. */
  readonly local: boolean;
  /** Nobody gets there without a certificate of a trusted authority. */
  readonly mutualTls: boolean;
}

/** What is known of a client before its request. */
export interface Peer {
  /** For logs. */
  readonly remote: string;
  /** The common name of its certificate. */
  readonly subject?: string;
  readonly door: Door;
}

/** Who is let in. */
export interface AccessRules {
  /** Common names of certificates; empty for every certificate of a trusted authority. */
  readonly allowedNames: readonly string[];
  /** The tokens that are good now; absent where none is asked for. */
  readonly tokens?: () => Promise<readonly string[]>;
}

/**
 * The name of the client for the access log. Throws `ReplyError`: 403 for a web page, a wrong `Host`
 * or a certificate that is not on the list, 401 without a token or with a wrong one.
 */
export async function admit(head: RequestHead, peer: Peer, rules: AccessRules): Promise<string> {
  const { subject, door } = peer;
  // No page knows a token, so that a gateway may pass requests on under any name.
  if (rules.tokens === undefined) checkBrowser(head, door);
  if (door.mutualTls && rules.allowedNames.length > 0) {
    if (subject === undefined || !rules.allowedNames.includes(subject)) {
      throw refuse(403, "this certificate may not use this guest");
    }
  }
  if (rules.tokens !== undefined) checkToken(head, await rules.tokens());
  if (subject !== undefined) return `cn:${subject}`;
  if (rules.tokens !== undefined) return "token";
  return door.local ? "local" : "anonymous";
}

/** A page in a browser reaches TCP without TLS, on this machine or in its network. */
function checkBrowser({ headers }: RequestHead, door: Door): void {
  if (door.kind === "unix" || door.mutualTls) return;
  // Beyond this machine a guest cannot know by which names it is called.
  const host = door.local ? headers.get("Host") : "localhost";
  const refusal = checkClientHeaders(host, headers.get("Origin"), headers.get("Sec-Fetch-Site"));
  if (refusal !== undefined) throw refuse(refusal.status, refusal.message);
}

function checkToken(head: RequestHead, tokens: readonly string[]): void {
  const given = /^Bearer +(\S+)$/i.exec(head.headers.get("Authorization") ?? "")?.[1];
  if (given === undefined) throw refuse(401, "a token is needed: Authorization: Bearer TOKEN");
  const digest = digestOf(given);
  // All are compared, so that the time tells nothing.
  const found = tokens.filter((token) => timingSafeEqual(digestOf(token), digest));
  if (found.length === 0) throw refuse(401, "the token is wrong");
}

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
