/**
 * What happens in a running program and its user may want to know, as data. Rooms that have something
 * to tell are handed an {@link Emit}; who keeps and shows it is not their business.
 */

/** The kinds of events, and the facts that go with each. All texts are meant for people. */
interface Facts {
  /** The remote host is connected, for the first time or again. */
  "transport.up": { readonly remote: string };
  /** The connection was lost. */
  "transport.down": { readonly remote: string; readonly reason: string };
  /** An attempt to connect begins; the first after a loss has number 1. */
  "transport.reconnecting": { readonly remote: string; readonly attempt: number };
  /** An attempt failed. */
  "transport.failed": { readonly remote: string; readonly reason: string };
  /** A local port leads to the remote host from now on. */
  "forward.opened": { readonly local: string; readonly target: string };
  "forward.closed": { readonly local: string; readonly target: string };
  /** Local ports of a container could not be had. */
  "forward.failed": { readonly target: string; readonly reason: string };
  /** A synced folder is in another state than before. */
  "sync.state": { readonly folder: string; readonly state: string; readonly reason?: string };
  /** Changes have been carried over. */
  "sync.flush": { readonly folder: string; readonly changes: number };
  /** Both sides had changed a file; the remote version is kept aside. */
  "sync.conflict": { readonly folder: string; readonly file: string };
  /** What the configuration file says of a remote host has changed. */
  "host.reload": { readonly change: "started" | "stopped" | "restarted" };
  /** A client was sent away. */
  "client.refused": { readonly client?: string; readonly reason: string };
}

/** A kind of event, such as `transport.up`. */
export type EventKind = keyof Facts;

/** One event. */
export type AgentEvent = { [K in EventKind]: { readonly kind: K } & Facts[K] }[EventKind];

/** Tells of an event; never throws and never waits. */
export type Emit = (event: AgentEvent) => void;

/** Tells nobody. */
export function emitNothing(_event: AgentEvent): void {}
