/** Finds out whether there is a guest at an endpoint, and what it can do. Owns nothing that lasts. */
import { AgentError } from "../../errors.ts";
import { HttpParseError } from "../../http/parse_error.ts";
import type { Dialer } from "../endpoint/dialer.ts";
import { ask, NoAnswer } from "../endpoint/http_ask.ts";
import { tlsError } from "../endpoint/tls_error.ts";
import { bearer, type GuestAddress, GuestLink, INFO_PATH } from "./link.ts";

/** What is there. */
export type FoundGuest =
  | { readonly kind: "guest"; readonly link: GuestLink }
  /** Something answered that is no guest, or does not let us in; `status` is that of its answer. */
  | { readonly kind: "none"; readonly status: number | undefined; readonly text: string }
  /** Nothing came in time, or no HTTP. */
  | { readonly kind: "silent"; readonly reason: string };

const INFO_TIMEOUT_MS = 10_000;
/** A list longer than any guest's. */
const MAX_CAPABILITIES = 64;

/** Asks once. Throws `AgentError` where nobody can be dialed. `name` is for people. */
export async function guestAt(
  dialer: Dialer,
  options: GuestAddress & { name: string; signal: AbortSignal },
): Promise<FoundGuest> {
  const { host, token, name, signal } = options;
  const question = { path: INFO_PATH, host, headers: bearer(token), signal };
  try {
    const duplex = await dialer.dial(signal);
    const { status, text } = await ask(duplex, { ...question, timeoutMs: INFO_TIMEOUT_MS });
    const capabilities = status === 200 ? capabilitiesIn(text) : undefined;
    if (capabilities === undefined) return { kind: "none", status, text };
    const address = { host, ...(token === undefined ? {} : { token }) };
    return { kind: "guest", link: new GuestLink(dialer, address, { name, capabilities }) };
  } catch (error) {
    if (error instanceof NoAnswer) return { kind: "silent", reason: error.message };
    if (error instanceof HttpParseError) {
      return { kind: "silent", reason: "it does not answer in HTTP" };
    }
    throw error instanceof AgentError ? error : tlsError(dialer.endpoint, error);
  }
}

function capabilitiesIn(text: string): ReadonlySet<string> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("capabilities" in value)) return undefined;
    const { capabilities } = value;
    if (!Array.isArray(capabilities)) return undefined;
    const words: unknown[] = capabilities.slice(0, MAX_CAPABILITIES);
    return new Set(words.filter((word) => typeof word === "string"));
  } catch {
    // Not JSON: somebody else's page.
    return undefined;
  }
}
