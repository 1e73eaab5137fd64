/**
 * One request of a client with what is known about it: what interceptors see and change on its way
 * to the engine and back.
 */
import type { RequestMessage, ResponseMessage } from "../http/message.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Layer } from "./compose.ts";
import type { Route } from "./route.ts";

/** What an interceptor knows of a stream that took the connection over. */
export interface StreamFate {
  /** It is open, and more may come of it until `over`. */
  begun(): void;
  /** Whether its seeming end is none, since what it belongs to goes on; `lastedMs` is its age. */
  isCut(lastedMs: number): Promise<boolean>;
  /** It was lost, and its client is about to be told. */
  lost(): void;
  /** Nothing more comes of it, whatever the reason. May be called again. */
  over(): void;
}

/** See the file comment. */
export interface Exchange {
  /** As it will be sent on; an interceptor that edits it puts another one here. */
  request: RequestMessage;
  /**
   * Which operation it is; absent for what the route table does not know. Who changes the query of the
   * request changes it here too.
   */
  route: Route | undefined;
  /** Carries the connection's id in every line. */
  readonly log: Logger;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  /** Whether the client has ended its direction, as one does that leaves. Default: no. */
  readonly isLeft?: () => boolean;
  /** Ends the client's connection at once, also when it has become a tunnel. */
  readonly hangUp: () => void;
  /**
   * Asks the engine anew, over another connection, in the place of an answer that was cut short; the
   * innermost layer alone may do so. Throws as the call to the engine does.
   */
  readonly again: (request: RequestMessage) => Promise<ResponseMessage>;
  /** Wraps the client's stream when it becomes a tunnel; set by an interceptor. */
  ofClient?: (client: Duplex) => Duplex;
  /** Of the tunnel, if there will be one; set by an interceptor. */
  fate?: StreamFate;
  /** Ends an answer that would go on, with a last word; set by an interceptor that can. */
  leave?: () => void;
  /** Tells the client to go on with its body (`100 Continue`). */
  readonly proceed: () => Promise<void>;
}

/** A layer around the call to the engine. */
export type Interceptor = Layer<Exchange, ResponseMessage>;
