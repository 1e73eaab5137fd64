/** What a gateway tells about its work, as it happens; see `proxy/observer.ts`. */
import { NO_OBSERVER, type ProxyObserver } from "../proxy/observer.ts";

/** Why a connection or a request is refused: one word each, for counting. */
export const REFUSALS = [
  /** No certificate, or none that is to be trusted. */
  "certificate",
  /** More connections than allowed. */
  "connections",
  /** More requests than allowed. */
  "requests",
  /** No HTTP/1.1, or not in time. */
  "malformed",
  /** A target that could be read in two ways. */
  "target",
  /** Names of handshake and `Host` that differ or are missing. */
  "name",
  /** The certificate expired during the connection. */
  "expired",
  /** No such host, or no rule for the two. */
  "host",
  /** No rule allows the route. */
  "route",
  /** An upgrade that the route does not have. */
  "upgrade",
  /** No such endpoint, no such engine or guest. */
  "missing",
] as const;
export type RefusalKind = typeof REFUSALS[number];

/** See the file comment. Hosts are named only if they are configured. */
export interface GatewayObserver extends ProxyObserver {
  refused(kind: RefusalKind): void;
  /** A connection for a host begins, and ends. */
  hostEntered(host: string): void;
  hostLeft(host: string): void;
  /** A request for a host has its answer, all of it; `bytes` to the client. */
  hostServed(host: string, status: number, bytes: number): void;
}

/** Counts nothing. */
export const NO_GATEWAY_OBSERVER: GatewayObserver = {
  ...NO_OBSERVER,
  refused() {},
  hostEntered() {},
  hostLeft() {},
  hostServed() {},
};
