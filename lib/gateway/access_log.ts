/**
 * One line for each request: who, host, method, path, status, bytes to the client, duration, and why
 * where it was refused. The line is written when the answer is complete or the connection is over.
 */
import type { RequestHead } from "../http/head.ts";
import type { Body, ResponseMessage } from "../http/message.ts";
import { maskTarget } from "../intercept/mask.ts";
import { logger } from "../log.ts";

/** What nginx calls a request whose client has gone. */
const CLIENT_GONE = 499;
/** What nginx writes in the place of a request line that it cannot read. */
const NO_REQUEST = "-";
/** So much of a target is written. */
const MAX_TARGET = 500;

/** Who makes a request. */
export interface Requester {
  readonly client: string;
  readonly host: string;
}

/** How a request was answered. */
export interface AccessOutcome {
  readonly status: number;
  /** To the client. */
  readonly bytes: number;
}

/** What an entry is made of. */
export interface AccessParts {
  readonly who: Requester;
  /** Bytes sent to the client so far. */
  sent(): number;
  /** Called once, when the line is written. */
  onEnd(outcome: AccessOutcome): void;
}

/** The line of one request. */
export class AccessEntry {
  readonly #line: string;
  readonly #who: Requester;
  readonly #sent: () => number;
  readonly #sentBefore: number;
  readonly #onEnd: AccessParts["onEnd"];
  readonly #started = performance.now();
  #reason: string | undefined;
  #status: number | undefined;
  #written = false;

  /** Without a head: for something that is no request. */
  constructor(head: Pick<RequestHead, "method" | "target"> | undefined, parts: AccessParts) {
    const { who, sent, onEnd } = parts;
    this.#line = head === undefined
      ? NO_REQUEST
      : `${head.method} ${maskTarget(head.target).slice(0, MAX_TARGET)}`;
    this.#who = who;
    this.#sent = sent;
    this.#onEnd = onEnd;
    this.#sentBefore = sent();
  }

  /** The gateway's own answer, on its way to the client; {@link end} follows. */
  refuse(status: number, reason: string): void {
    this.#status = status;
    this.#reason = reason;
  }

  /** The answer, whose last piece ends the entry; that of a tunnel is ended by {@link end}. */
  watch(response: ResponseMessage): ResponseMessage {
    this.#status = response.head.status;
    const { body } = response;
    const watched: Body = {
      read: async () => {
        const piece = await body.read();
        if (piece === null) this.end();
        return piece;
      },
    };
    return { ...response, body: watched };
  }

  /** Writes the line, once. */
  end(status = this.#status ?? CLIENT_GONE, reason = this.#reason): void {
    if (this.#written) return;
    this.#written = true;
    const bytes = this.#sent() - this.#sentBefore;
    logger("access").info(this.#line, {
      ...this.#who,
      status,
      bytes,
      ms: Math.round((performance.now() - this.#started) * 10) / 10,
      ...(reason === undefined ? {} : { reason }),
    });
    this.#onEnd({ status, bytes });
  }
}
