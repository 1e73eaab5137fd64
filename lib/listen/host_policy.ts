/**
 * Which HTTP clients a TCP listener on loopback serves. Any web page a user visits can send
 * requests to 127.0.0.1, directly (cross-site requests) or under a name of its own that it makes
 * resolve to 127.0.0.1 (DNS rebinding); with the Docker API behind the port that would hand over
 * the remote host. A browser gives itself away by the `Host`, `Origin` and `Sec-Fetch-Site`
 * headers, which a page cannot forge (Fetch standard, "forbidden request-header").
 *
 * Pure, asked once per request. Unix sockets and named pipes need no such check: no page reaches
 * them.
 */
import { isIpLiteral } from "../net/address.ts";

/** Why a request is refused; `message` is meant for the body of the reply. */
export interface Refusal {
  status: 403;
  message: string;
}

/**
 * Names under which local clients reach an engine: what Docker's own clients send for a Unix socket
 * (`docker`, since Engine 24 `api.moby.localhost`), and Docker Desktop's names for the machine.
 */
const NAMES = new Set([
  "docker",
  "localhost",
  "host.docker.internal",
  "gateway.docker.internal",
]);
/** Longest part of a client's header that is repeated to it. */
const MAX_QUOTED = 100;

/**
 * Decides by the values of the `Host`, `Origin` and `Sec-Fetch-Site` headers, `undefined` where a
 * request has none. Returns `undefined` when the request may pass.
 */
export function checkClientHeaders(
  host: string | undefined,
  origin: string | undefined,
  secFetchSite?: string,
): Refusal | undefined {
  if (origin !== undefined) {
    return refuse(`Requests from web pages are refused: Origin is ${quote(origin)}`);
  }
  // "none" is a request the user made, such as an address typed into the browser.
  if (secFetchSite !== undefined && secFetchSite.trim().toLowerCase() !== "none") {
    return refuse(`Requests from web pages are refused: Sec-Fetch-Site is ${quote(secFetchSite)}`);
  }
  if (!isLocalHost(host ?? "")) {
    return refuse(
      `Host ${quote(host ?? "")} is refused: ` +
        `only an IP address or localhost may be used to reach this listener`,
    );
  }
  return undefined;
}

function isLocalHost(value: string): boolean {
  const match = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(value.trim());
  if (match === null) return false;
  const name = (match[1] ?? "").toLowerCase().replace(/\.$/, "");
  // An IP literal cannot be rebound: the browser went to the address that it shows.
  // Names under .localhost never leave the machine (RFC 6761, section 6.3).
  return match[0] === "" || NAMES.has(name) || isLocalhostName(name) || isIpLiteral(name);
}

function isLocalhostName(name: string): boolean {
  return /^([a-z0-9_-]+\.)+localhost$/.test(name);
}

function refuse(message: string): Refusal {
  return { status: 403, message };
}

function quote(value: string): string {
  return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}…` : value);
}
