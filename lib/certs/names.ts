/**
 * What may stand in a certificate: names of servers and of clients, and the file names that follow
 * from them. Pure. A name that is let through here needs no quoting in a path, a URI or a subject.
 */
import { isIP } from "node:net";
import { AgentError } from "../errors.ts";

/** A name of a server: RFC 6125 allows a wildcard as the whole first label only. */
export type ServerName = { readonly type: "dns" | "ip"; readonly value: string };

/** The upper bound of a common name (RFC 5280, appendix A.1). */
const MAX_COMMON_NAME = 64;
const MAX_DNS_NAME = 253;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const CLIENT = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;

/** Throws `AgentError` of kind `usage` unless `text` is a DNS name, a wildcard or an IP address. */
export function serverName(text: string): ServerName {
  // An address with a zone means something on one machine alone, and has no form in a certificate.
  if (isIP(text) !== 0 && !text.includes("%")) return { type: "ip", value: text };
  const value = text.toLowerCase();
  // No name ends in a number (RFC 1123, section 2.1): it is a mistyped address.
  const isNumber = /(^|\.)\d+$/.test(value);
  if (!isNumber && isDnsName(value.replace(/^\*\./, ""))) return { type: "dns", value };
  throw new AgentError("usage", `Cannot make a certificate for "${text}": not a host name`, {
    hint: 'write names such as "gateway.example.net", "*.containers.example.net" or "192.0.2.1"',
  });
}

/** Throws `AgentError` of kind `usage` unless `text` may be the common name of a client. */
export function clientName(text: string): string {
  if (CLIENT.test(text) && text.length <= MAX_COMMON_NAME) return text;
  throw new AgentError("usage", `Cannot make a certificate for "${text}": not a plain name`, {
    hint: `use letters, digits and . _ @ -, at most ${MAX_COMMON_NAME} of them`,
  });
}

/** The parts of a SPIFFE ID; see {@link spiffeId}. */
export interface Person {
  readonly trustDomain: string;
  readonly org: string;
  readonly user: string;
}

/**
 * `spiffe://domain/orgs/<org>/users/<user>`. Throws `AgentError` of kind `usage` for parts that the
 * SPIFFE ID standard (section 2) does not allow in a domain or a path segment.
 */
export function spiffeId({ trustDomain, org, user }: Person): string {
  const domain = trustDomain.toLowerCase();
  if (!isDnsName(domain)) {
    throw new AgentError("usage", `Invalid value "${trustDomain}" for --trust-domain`, {
      hint: 'write a domain such as "example.net"',
    });
  }
  for (const [flag, value] of [["--org", org], ["--user", user]] as const) {
    if (/^[A-Za-z0-9._-]{1,64}$/.test(value) && !/^\.+$/.test(value)) continue;
    throw new AgentError("usage", `Invalid value "${value}" for ${flag}`, {
      hint: "use letters, digits and . _ -, at most 64 of them",
    });
  }
  return `spiffe://${domain}/orgs/${org}/users/${user}`;
}

/** The name of a server's or a client's files, without their endings. */
export function fileStem(name: string): string {
  return name.replace(/^\*\./, "_wildcard.").replaceAll(":", "_");
}

/** Whether `text`, in lower case, is a DNS name and no IP address. */
export function isDnsName(text: string): boolean {
  return text.length <= MAX_DNS_NAME && text !== "" && isIP(text) === 0 &&
    text.split(".").every((label) => LABEL.test(label));
}
