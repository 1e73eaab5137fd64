/**
 * Decides what becomes of a request, by its head, the client's certificate and the name that was asked
 * for in the TLS handshake. Pure. What a client is told never says more than it knows already: a host
 * that does not exist and one that belongs to somebody else are refused with the same words.
 */
import type { RequestHead } from "../http/head.ts";
import type { Host, Upstreams } from "./host.ts";
import type { ClientIdentity } from "./identity.ts";
import type { RefusalKind } from "./observer.ts";
import { type ClientRule, type Rights, rightsOf } from "./rights.ts";
import { type Destination, destinationOf } from "./target.ts";

/** What a gateway goes by at one moment. */
export interface Policy {
  readonly rules: readonly ClientRule[];
  readonly hosts: ReadonlyMap<string, Host>;
}

/** A request and who makes it. */
export interface Petition {
  readonly client: ClientIdentity;
  /** The name of the TLS handshake (SNI) in lower case, if there was one. */
  readonly serverName: string | undefined;
  readonly head: Pick<RequestHead, "method" | "target" | "headers">;
  /** As `Date.now()`. */
  readonly now: number;
}

/** See the file comment. `message` is for the client, `reason` for the log. */
export type Verdict =
  | { readonly kind: "pass"; readonly to: "engine" | "guest"; readonly upstreams: Upstreams }
  | {
    readonly kind: "refuse";
    readonly status: 400 | 403 | 404 | 421;
    readonly what: RefusalKind;
    readonly message: string;
    readonly reason: string;
  };

/** Judges one request. */
export function judge(petition: Petition, policy: Policy): Verdict {
  const { client, serverName, head, now } = petition;
  // Whoever answers it with a 2xx turns the connection into one that nobody judges.
  if (head.method === "CONNECT") return refuse(400, "target", "CONNECT leads nowhere here");
  const destination = destinationOf(head.target);
  if (destination.kind === "refused") return refuse(400, "target", destination.reason);
  if (serverName === undefined) {
    return refuse(421, "name", "The TLS handshake named no host (SNI)");
  }
  const host = head.headers.get("Host") ?? "";
  if (bareHost(host) !== serverName) {
    return refuse(
      421,
      "name",
      "Host is not the name of the TLS handshake (SNI)",
      `Host is ${JSON.stringify(host.slice(0, 100))}`,
    );
  }
  if (now > client.notAfter) return refuse(403, "expired", "The client certificate has expired");
  const place = policy.hosts.get(serverName);
  const rights = rightsOf(policy.rules, client, serverName);
  if (place === undefined || rights === undefined) {
    return refuse(
      403,
      "host",
      `The client certificate may not use "${serverName}"`,
      place === undefined ? "there is no such host" : "no rule lets this client use this host",
    );
  }
  return judgeDestination(destination, rights, place, head);
}

/** Whether anything at all is allowed: what an open connection lives by. */
export function isWelcome(petition: Omit<Petition, "head">, policy: Policy): boolean {
  const { client, serverName, now } = petition;
  return serverName !== undefined && now <= client.notAfter && policy.hosts.has(serverName) &&
    rightsOf(policy.rules, client, serverName) !== undefined;
}

function judgeDestination(
  destination: Exclude<Destination, { kind: "refused" }>,
  rights: Rights,
  place: Host,
  { method, target, headers }: Petition["head"],
): Verdict {
  const { kind } = destination;
  if (kind === "unknown") return refuse(404, "missing", "page not found");
  const allowed = kind === "engine"
    ? rights.engine(method, destination.path)
    : rights.guest(destination.right);
  if (!allowed) {
    const what = `${method} ${target.split("?", 1)[0]?.slice(0, 200)}`;
    return refuse(403, "route", `The client certificate does not allow ${what}`);
  }
  if (kind === "engine" && headers.has("Upgrade")) {
    const protocol = headers.getAll("Upgrade").join(", ");
    if (!rights.upgrade(method, destination.path, protocol)) {
      return refuse(400, "upgrade", "This route does not lead to that protocol");
    }
  }
  const upstreams = place[kind];
  if (upstreams === undefined) return refuse(404, "missing", `This host has no ${kind}`);
  return { kind: "pass", to: kind, upstreams };
}

function refuse(
  status: 400 | 403 | 404 | 421,
  what: RefusalKind,
  message: string,
  reason = message,
): Verdict {
  return { kind: "refuse", status, what, message, reason };
}

/** The name in a Host field: without a port, in lower case, without a final dot. */
function bareHost(value: string): string {
  return value.replace(/:\d{0,5}$/, "").toLowerCase().replace(/\.$/, "");
}
