/**
 * Forwards the user writes down by address, as `ssh -L` has them:
 * `[LOCALADDRESS:]PORT:HOST:HOSTPORT[/udp]`, IPv6 addresses in brackets. Pure.
 */
import { AgentError } from "../errors.ts";
import { isIpLiteral } from "../net/address.ts";
import { parsePort } from "../net/port.ts";
import { DEFAULT_PUBLISH_ADDRESS } from "./address.ts";
import type { RequestedBinding } from "./binding.ts";
import type { HostPort } from "./client_listener.ts";

/** A forward to an address that the remote host can reach. */
export interface PlainForward {
  /** As it was written. */
  readonly text: string;
  /** The local end; its `containerPort` is the port of the far end. */
  readonly requested: RequestedBinding;
  readonly remote: HostPort;
}

const HINT = "write a forward such as 5432:db.internal:5432 or 127.0.0.1:5432:10.0.0.5:5432";
const PART = /\[([^\]]*)\]|([^:[\]]*)/y;

/** Reads one forward. Throws `AgentError` of kind `config`. */
export function parsePlainForward(text: string): PlainForward {
  const [, addresses = "", suffix] = /^(.*?)(?:\/(tcp|udp))?$/.exec(text) ?? [];
  const parts = splitParts(addresses);
  if (parts.length === 3) parts.unshift(DEFAULT_PUBLISH_ADDRESS);
  const [listen = "", localPort = "", host = "", remotePort = ""] = parts;
  const hostIp = listen === "localhost" ? DEFAULT_PUBLISH_ADDRESS : listen;
  const local = parsePort(localPort, 0);
  const port = parsePort(remotePort, 1);
  const valid = parts.length === 4 && isIpLiteral(hostIp) && /^[^\s/]+$/.test(host);
  if (!valid || local === undefined || port === undefined) {
    throw new AgentError("config", `Cannot forward "${text}": not a valid forward`, {
      hint: HINT,
    });
  }
  const protocol = suffix === "udp" ? "udp" : "tcp";
  return {
    text,
    requested: { containerPort: port, protocol, hostIp, hostPort: `${local}` },
    remote: { host, port },
  };
}

function splitParts(text: string): string[] {
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (let at = 0; at <= text.length;) {
    PART.lastIndex = at;
    const match = PART.exec(text);
    if (match === null) return [];
    parts.push(match[1] ?? match[2] ?? "");
    at = PART.lastIndex;
    if (at < text.length && text[at] !== ":") return [];
    at++;
  }
  return parts;
}
