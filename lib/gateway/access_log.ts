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
/** So much of a target is written. */
const MAX_TARGET = 500;

/** Who makes a request. */
export interface Requester {
  readonly client: string;
  readonly host: string;
}

/** The line of one request. */
export class AccessEntry {
  readonly #line: string;
  readonly #who: Requester;
  readonly #sent: () => number;
  readonly #sentBefore: number;
  readonly #started = performance.now();
  #status: number | undefined;
  #written = false;

  /** `sent`: bytes sent to the client so far. */
  constructor(head: Pick<RequestHead, "method" | "target">, who: Requester, sent: () => number) {
    const target = maskTarget(head.target);
    this.#line = `${head.method} ${target.slice(0, MAX_TARGET)}`;
    this.#who = who;
    this.#sent = sent;
    this.#sentBefore = sent();
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
  end(status = this.#status ?? CLIENT_GONE, reason?: string): void {
    if (this.#written) return;
    this.#written = true;
    logger("access").info(this.#line, {
      ...this.#who,
      status,
      bytes: this.#sent() - this.#sentBefore,
      ms: Math.round((performance.now() - this.#started) * 10) / 10,
      ...(reason === undefined ? {} : { reason }),
    });
  }
}
