/** What the rest of the program may know about a forwarding. */
import type { Protocol, RequestedBinding } from "./binding.ts";
import type { HostPort } from "./client_listener.ts";

/** A binding with a local address that really listens; one of two has two of these. */
export interface Published {
  readonly requested: RequestedBinding;
  readonly local: HostPort;
}

/**
 * - `published`: a published port of a container;
 * - `host`: a port that a container on the host's own network listens on;
 * - `plain`: one the user has asked for by address.
 */
export type ForwardKind = "published" | "host" | "plain";

/** One local port, for people and metrics. A copy: it does not change. */
export interface ForwardInfo {
  readonly kind: ForwardKind;
  /** For a plain forward the name is how it was written, and the id is unique. */
  readonly container: { readonly id: string; readonly name: string };
  readonly requested: RequestedBinding;
  readonly protocol: Protocol;
  readonly local: HostPort;
  /** The same port of another address, where that is listened on too. */
  readonly twin?: HostPort;
  readonly remote: HostPort | undefined;
  /** `reserved`: taken, but the container has not started yet. */
  readonly state: "reserved" | "live";
  readonly connections: { readonly open: number; readonly total: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}
