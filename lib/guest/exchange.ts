/**
 * One request of a client, as the handlers see it. The connection (`connection.ts`) owns the stream
 * until a handler takes it with {@link Exchange.upgrade}.
 */
import type { RequestHead } from "../http/head.ts";
import type { Body } from "../http/message.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Reply } from "./reply.ts";

/** See the file comment. */
export interface Exchange {
  readonly head: RequestHead;
  /** Whether there is a body, and how long it says that it is. */
  readonly length: "none" | "unknown" | number;
  /** Aborted when the guest begins to end: what can finish soon may, nothing else. */
  readonly draining: AbortSignal;
  /** Aborted when the guest ends at once: whatever runs for this request ends too. */
  readonly stopped: AbortSignal;
  /** The body, once; a client that waits to be told to go on is told now. */
  body(): Promise<Body>;
  /** Answers 101 with `headers`; the stream then belongs to the caller. */
  upgrade(headers?: readonly (readonly [string, string])[]): Promise<Duplex>;
  /** Adds facts to the line of the access log. */
  note(fields: Readonly<Record<string, unknown>>): void;
}

/** Answers a request, or throws `ReplyError`; nothing if it has taken the stream and is done with it. */
export type Handler = (exchange: Exchange) => Promise<Reply | undefined>;
