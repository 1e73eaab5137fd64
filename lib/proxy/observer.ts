/**
 * What a proxy tells about its work, as it happens. Whoever counts hands in an observer; its methods
 * are called on the way of every request, so they only count, and never throw.
 */
import type { RouteName } from "../docker/route.ts";

/** What is asked of a guest; see docs/protocol.md. */
export type GuestRoute =
  | "GuestCommand"
  | "GuestCopy"
  | "GuestTunnel"
  | "GuestListen"
  | "GuestAccept"
  | "GuestInfo";

/** What a request is counted as: its operation, or one word for all that the table does not know. */
export type RouteLabel = RouteName | GuestRoute | "Other";

/** The limits that can be met; see `limits.ts`. */
export const LIMIT_EVENTS = [
  "connection_waited",
  "connection_refused",
  "idle_timeout",
  "read_timeout",
  "write_timeout",
] as const;
export type LimitEvent = typeof LIMIT_EVENTS[number];

/** `connection`: the way to the engine failed. `socket`: the client's own stream did. */
export type FailureKind = "connection" | "socket";

/** See the file comment. */
export interface ProxyObserver {
  clientConnected(): void;
  clientLeft(milliseconds: number): void;
  /** Bytes that a client sent, and bytes that were sent to one. */
  received(bytes: number): void;
  sent(bytes: number): void;
  /** The head of an answer has come; `milliseconds` since the head of its request. */
  answered(route: RouteLabel, status: number, milliseconds: number): void;
  limited(event: LimitEvent): void;
  failed(kind: FailureKind, message: string): void;
}

/** Counts nothing. */
export const NO_OBSERVER: ProxyObserver = {
  clientConnected() {},
  clientLeft() {},
  received() {},
  sent() {},
  answered() {},
  limited() {},
  failed() {},
};
