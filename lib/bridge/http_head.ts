/** Heads on their way through a proxy (RFC 9110, section 7.6; RFC 9112, section 3.2). Pure. */
import {
  encodeRequestHead,
  encodeResponseHead,
  HeaderList,
  type RequestHead,
  type ResponseHead,
} from "../http/head.ts";
import { asksForUpgrade } from "../http/hijack.ts";
import { isIpLiteral } from "../net/address.ts";
import { canonicalName } from "./rules.ts";
import type { Destination } from "./socks_wire.ts";

/** Meant for the next hop alone, whether `Connection` names them or not. */
const HOP_BY_HOP = [
  "Connection",
  "Proxy-Connection",
  "Keep-Alive",
  "Proxy-Authorization",
  "TE",
  "Upgrade",
];
const VIA = "remote-docker-agent";
const HTTP_PORT = 80;

/** A request for a proxy, taken apart. */
export interface ProxyRequest {
  readonly destination: Destination;
  /** As it is sent to the destination. */
  readonly head: RequestHead;
}

/** Reads `HOST:PORT`, the target of CONNECT; `undefined` where it is not one. */
export function parseAuthority(text: string, defaultPort?: number): Destination | undefined {
  const [, host = "", digits] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]@]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (port === undefined || port === 0 || port > 65535) return undefined;
  if (isIpLiteral(host) && (host.startsWith("[") || !host.includes(":"))) {
    return { host: bare, port };
  }
  return /^[A-Za-z0-9._-]+$/.test(host) ? { host: canonicalName(host), port } : undefined;
}

/**
 * What is sent on for a request in absolute form; `undefined` where its target is not of the scheme
 * `http`. The rest of the request stays as it was written.
 */
export function forwardedRequest(head: RequestHead): ProxyRequest | undefined {
  const [, authority = "", rest = ""] = /^http:\/\/([^/?#]*)([^#]*)/i.exec(head.target) ?? [];
  const place = authority.slice(authority.lastIndexOf("@") + 1);
  const destination = parseAuthority(place, HTTP_PORT);
  if (destination === undefined) return undefined;
  const headers = withoutHops(head.headers);
  headers.set("Host", place);
  headers.append("Via", `${head.version} ${VIA}`);
  keepUpgrade(head, headers);
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  const target = head.method === "OPTIONS" && rest === "" ? "*" : path;
  const { method, version } = head;
  const edited = { method, target, version, headers };
  return { destination, head: { ...edited, raw: encodeRequestHead(edited) } };
}

/** What the client gets; `open`: whether another request may follow on its connection. */
export function forwardedResponse(
  head: ResponseHead,
  client: Pick<RequestHead, "version">,
  open: boolean,
): Uint8Array {
  const { status, reason, version } = head;
  const headers = withoutHops(head.headers);
  headers.append("Via", `${version} ${VIA}`);
  if (status === 101) {
    const protocol = head.headers.get("Upgrade");
    if (protocol !== undefined) headers.append("Upgrade", protocol);
    headers.append("Connection", "Upgrade");
  } else if (!open) headers.append("Connection", "close");
  else if (client.version === "1.0") headers.append("Connection", "keep-alive");
  return encodeResponseHead({ status, reason, version, headers });
}

function withoutHops(headers: HeaderList): HeaderList {
  const copy = new HeaderList(headers);
  for (const name of headers.tokens("Connection")) {
    // What frames the message or says whom it is for is no option of the connection.
    if (!/^(content-length|transfer-encoding|host)$/i.test(name)) copy.delete(name);
  }
  for (const name of HOP_BY_HOP) copy.delete(name);
  return copy;
}

/** An upgrade, as `docker attach` asks for one, is asked for at the destination too. */
function keepUpgrade(head: RequestHead, headers: HeaderList): void {
  const protocol = head.headers.get("Upgrade");
  if (!asksForUpgrade(head) || protocol === undefined) return;
  headers.append("Upgrade", protocol);
  headers.append("Connection", "Upgrade");
}
